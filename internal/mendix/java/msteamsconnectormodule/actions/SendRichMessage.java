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
 * Sends a text with title, level, facts and link, or an Adaptive Card, to the
 * Microsoft Teams channel of a webhook.
 */
public class SendRichMessage extends UserAction<IMendixObject>
{
	private final java.lang.String webhookId;
	private final java.lang.String messageType;
	private final java.lang.String textMessage;
	private final java.lang.String title;
	private final java.lang.String level;
	private final java.lang.String facts;
	private final java.lang.String linkUrl;
	private final java.lang.String linkText;
	private final java.lang.String messageKey;

	public SendRichMessage(
		IContext context,
		java.lang.String _webhookId,
		java.lang.String _messageType,
		java.lang.String _textMessage,
		java.lang.String _title,
		java.lang.String _level,
		java.lang.String _facts,
		java.lang.String _linkUrl,
		java.lang.String _linkText,
		java.lang.String _messageKey
	)
	{
		super(context);
		this.webhookId = _webhookId;
		this.messageType = _messageType;
		this.textMessage = _textMessage;
		this.title = _title;
		this.level = _level;
		this.facts = _facts;
		this.linkUrl = _linkUrl;
		this.linkText = _linkText;
		this.messageKey = _messageKey;
	}

	@java.lang.Override
	public IMendixObject executeAction() throws Exception
	{
		// BEGIN USER CODE
		Activity.Rich rich = new Activity.Rich();
		rich.webhookId = this.webhookId;
		// Here a text; in an app an enumeration that Studio Pro generates.
		rich.messageType = java.util.Objects.toString(this.messageType, "Text");
		rich.text = this.textMessage;
		rich.title = this.title;
		rich.level = this.level;
		rich.facts = this.facts;
		rich.linkUrl = this.linkUrl;
		rich.linkText = this.linkText;
		rich.messageKey = this.messageKey;
		return new Activity(getContext()).sendRich(rich);
		// END USER CODE
	}

	/**
	 * Returns a string representation of this action
	 * @return a string representation of this action
	 */
	@java.lang.Override
	public java.lang.String toString()
	{
		return "SendRichMessage";
	}

	// BEGIN EXTRA CODE
	// END EXTRA CODE
}
