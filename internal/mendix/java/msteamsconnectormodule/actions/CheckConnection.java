// Part of the Mendix module MSTeamsConnectorModule.
//
// Studio Pro writes this file anew whenever the app is deployed, and keeps only
// - the import list
// - the code between BEGIN USER CODE and END USER CODE
// - the code between BEGIN EXTRA CODE and END EXTRA CODE

package msteamsconnectormodule.actions;

import com.mendix.systemwideinterfaces.core.IContext;
import com.mendix.systemwideinterfaces.core.IMendixObject;
import com.mendix.systemwideinterfaces.core.UserAction;
import msteamsconnectormodule.impl.Activity;

/**
 * Checks address, keys, subscription and webhook, logs what came of it, and sends
 * nothing. Status is "ok" when all is well.
 */
public class CheckConnection extends UserAction<IMendixObject>
{
	private final java.lang.String webhookId;

	public CheckConnection(
		IContext context,
		java.lang.String _webhookId
	)
	{
		super(context);
		this.webhookId = _webhookId;
	}

	@java.lang.Override
	public IMendixObject executeAction() throws Exception
	{
		// BEGIN USER CODE
		return new Activity(getContext()).check(this.webhookId);
		// END USER CODE
	}

	/**
	 * Returns a string representation of this action
	 * @return a string representation of this action
	 */
	@java.lang.Override
	public java.lang.String toString()
	{
		return "CheckConnection";
	}

	// BEGIN EXTRA CODE
	// END EXTRA CODE
}
