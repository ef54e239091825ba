package com.mendix.core.conf;

/** Stands in for the runtime's interface of this name, as far as the module uses it. */
public interface Configuration {
	Object getConstantValue(String constantName);
}
