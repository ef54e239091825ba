package msteamsconnectormodule.impl;

import com.mendix.core.Core;
import com.mendix.systemwideinterfaces.core.IContext;
import com.mendix.systemwideinterfaces.core.IMendixObject;
import com.mendix.systemwideinterfaces.core.UserAction;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Runs Java actions for a test. Each line of the input is a command whose
 * arguments are in base64 ("-" is null), and is answered by one line.
 *
 *	constant NAME VALUE
 *	action CLASS ARGUMENT...
 *	impatient URL KEY SECRET MILLISECONDS WEBHOOK TEXT
 */
public final class Drive {
	private Drive() {
	}

	public static void main(String[] args) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
		for (String line; (line = in.readLine()) != null;) {
			String[] words = line.split(" ");
			Object[] given = Arrays.stream(words).skip(1).map(Drive::decode).toArray();
			System.out.println(run(words[0], given));
			System.out.flush();
		}
	}

	private static String run(String command, Object[] given) {
		try {
			switch (command) {
			case "constant":
				Core.CONSTANTS.put("MSTeamsConnectorModule." + given[0], given[1]);
				return "ok";
			case "action":
				return action((String) given[0], Arrays.copyOfRange(given, 1, given.length));
			case "impatient":
				TeamsConnector.Answer answer = new TeamsConnector((String) given[0], (String) given[1], (String) given[2], 0,
					Duration.ofMillis(Long.parseLong((String) given[3]))).sendText((String) given[4], (String) given[5]);
				return line(answer.sentMessage, answer.status, answer.message, answer.messageId, answer.messageUrl, "");
			default:
				return "unknown " + command;
			}
		} catch (Throwable e) {
			return "threw " + e.toString().replace('\n', ' ');
		}
	}

	private static String action(String name, Object[] given) throws Exception {
		Class<?>[] types = new Class<?>[given.length + 1];
		Arrays.fill(types, String.class);
		types[0] = IContext.class;
		IContext context = new IContext() {
		};
		Object[] all = new Object[types.length];
		all[0] = context;
		System.arraycopy(given, 0, all, 1, given.length);
		Core.logged = "";
		UserAction<?> action = (UserAction<?>) Class.forName("msteamsconnectormodule.actions." + name).getConstructor(types).newInstance(all);
		IMendixObject response = (IMendixObject) action.executeAction();
		Map<String, Object> values = new LinkedHashMap<>();
		for (String member : new String[] {"SentMessage", "Status", "Message", "MessageId", "MessageUrl"}) {
			values.put(member, response.getValue(context, member));
		}
		return line(values.get("SentMessage"), values.get("Status"), values.get("Message"), values.get("MessageId"),
			values.get("MessageUrl"), Core.logged);
	}

	private static String line(Object... values) {
		StringBuilder out = new StringBuilder("answer");
		for (Object value : values) {
			out.append(' ').append(value == null ? "-" : Base64.getEncoder().encodeToString(value.toString().getBytes(StandardCharsets.UTF_8)));
		}
		return out.toString().replaceAll(" (?= |$)", " =");
	}

	private static String decode(String word) {
		if (word.equals("-")) {
			return null;
		}
		return word.equals("=") ? "" : new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
	}
}
