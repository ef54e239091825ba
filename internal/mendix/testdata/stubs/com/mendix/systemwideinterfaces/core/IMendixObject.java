package com.mendix.systemwideinterfaces.core;

/** Stands in for the runtime's interface of this name, as far as the module uses it. */
public interface IMendixObject {
	void setValue(IContext context, String memberName, Object value);

	<T> T getValue(IContext context, String memberName);
}
