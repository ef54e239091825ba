package com.mendix.systemwideinterfaces.core;

/** Stands in for the runtime's interface of this name, as far as the module uses it. */
public interface IContext {
}
