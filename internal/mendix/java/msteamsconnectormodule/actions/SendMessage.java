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
 * Sends a text to the Microsoft Teams channel of a webhook.
 */
public class SendMessage extends UserAction<IMendixObject>
{
	private final java.lang.String webhookId;
	private final java.lang.String textMessage;

	public SendMessage(
		IContext context,
		java.lang.String _webhookId,
		java.lang.String _textMessage
	)
	{
		super(context);
		this.webhookId = _webhookId;
		this.textMessage = _textMessage;
	}

	@java.lang.Override
	public IMendixObject executeAction() throws Exception
	{
		// BEGIN USER CODE
		return new Activity(getContext()).sendText(this.webhookId, this.textMessage);
		// END USER CODE
	}

	/**
	 * Returns a string representation of this action
	 * @return a string representation of this action
	 */
	@java.lang.Override
	public java.lang.String toString()
	{
		return "SendMessage";
	}

	// BEGIN EXTRA CODE
	// END EXTRA CODE
}
