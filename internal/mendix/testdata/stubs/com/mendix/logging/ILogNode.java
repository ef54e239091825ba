package com.mendix.logging;

/** Stands in for the runtime's interface of this name, as far as the module uses it. */
public interface ILogNode {
	void info(Object message);

	void error(Object message);
}
