package com.mendix.systemwideinterfaces.core;

/** Stands in for the runtime's class of this name, as far as the module uses it. */
public abstract class UserAction<R> {
	private final IContext context;

	public UserAction(IContext context) {
		this.context = context;
	}

	public IContext getContext() {
		return context;
	}

	public abstract R executeAction() throws Exception;
}
