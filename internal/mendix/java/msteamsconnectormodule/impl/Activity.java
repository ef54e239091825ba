package msteamsconnectormodule.impl;

import com.mendix.core.Core;
import com.mendix.systemwideinterfaces.core.IContext;
import com.mendix.systemwideinterfaces.core.IMendixObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the activities of the module share: its constants, and the object that they return. */
public final class Activity {
	private static final String MODULE = "MSTeamsConnectorModule";
	private static final long DEFAULT_WAIT = 10;

	private final IContext context;

	public Activity(IContext context) {
		this.context = context;
	}

	/** The activity Microsoft Teams Connector. */
	public IMendixObject sendText(String webhookId, String textMessage) {
		return response(connector().sendText(webhookId, textMessage));
	}

	/** The activity Microsoft Teams Connector (rich message). */
	public IMendixObject sendRich(Rich rich) {
		Map<String, Object> body = new LinkedHashMap<>();
		body.put("webhookId", rich.webhookId);
		if ("Card".equals(rich.messageType)) {
			if (rich.text == null || Json.object(rich.text) == null) {
				return response(wrong("With message type Card, textMessage must be an Adaptive Card: a JSON object."));
			}
			body.put("card", new Json.Raw(rich.text));
		} else {
			body.put("textMessage", rich.text);
		}
		body.put("title", rich.title);
		body.put("level", rich.level);
		List<Object> facts = new ArrayList<>();
		int number = 0;
		for (String line : rich.facts == null ? new String[0] : rich.facts.split("\\R")) {
			number++;
			int equals = line.indexOf('=');
			if (line.isBlank()) {
				continue;
			}
			if (equals <= 0) {
				return response(wrong("Line " + number + " of facts is not name=value. Write one fact on a line, such as Ticket=4711."));
			}
			Map<String, Object> fact = new LinkedHashMap<>();
			fact.put("name", line.substring(0, equals).trim());
			fact.put("value", line.substring(equals + 1).trim());
			facts.add(fact);
		}
		body.put("facts", facts.isEmpty() ? null : facts);
		if (rich.linkUrl != null && !rich.linkUrl.isBlank()) {
			Map<String, Object> link = new LinkedHashMap<>();
			link.put("text", rich.linkText == null || rich.linkText.isBlank() ? rich.linkUrl.trim() : rich.linkText);
			link.put("url", rich.linkUrl.trim());
			body.put("link", link);
		}
		body.put("messageKey", rich.messageKey);
		return response(connector().send(body));
	}

	/** What the rich activity was given; each but webhookId and text may be empty. */
	public static final class Rich {
		public String webhookId;
		public String messageType;
		public String text;
		public String title;
		public String level;
		public String facts;
		public String linkUrl;
		public String linkText;
		public String messageKey;
	}

	/** Checks the connection and logs what came of it. */
	public IMendixObject check(String webhookId) {
		TeamsConnector.Answer answer = connector().check(webhookId);
		if (answer.status.equals(TeamsConnector.OK)) {
			Core.getLogger(MODULE).info(answer.message);
		} else {
			Core.getLogger(MODULE).error(answer.status + ": " + answer.message);
		}
		return response(answer);
	}

	private static TeamsConnector.Answer wrong(String message) {
		return TeamsConnector.Answer.of("invalid_field", message);
	}

	private static TeamsConnector connector() {
		return new TeamsConnector(constant("ServiceURL"), constant("LicenseKey"), constant("LicenseSecret"), waitSeconds());
	}

	private static long waitSeconds() {
		try {
			return Long.parseLong(constant("WaitSeconds").trim());
		} catch (NumberFormatException e) {
			return DEFAULT_WAIT;
		}
	}

	private static String constant(String name) {
		Object value = Core.getConfiguration().getConstantValue(MODULE + "." + name);
		return value == null ? "" : value.toString();
	}

	private IMendixObject response(TeamsConnector.Answer answer) {
		IMendixObject response = Core.instantiate(context, MODULE + ".SendMessageResponse");
		response.setValue(context, "SentMessage", answer.sentMessage);
		response.setValue(context, "Message", answer.message);
		response.setValue(context, "Status", answer.status);
		response.setValue(context, "MessageId", answer.messageId);
		response.setValue(context, "MessageUrl", answer.messageUrl);
		return response;
	}
}
