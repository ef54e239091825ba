package com.mendix.core;

import com.mendix.core.conf.Configuration;
import com.mendix.logging.ILogNode;
import com.mendix.systemwideinterfaces.core.IContext;
import com.mendix.systemwideinterfaces.core.IMendixObject;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Stands in for the runtime's class of this name, as far as the module uses it. */
public final class Core {
	/** The constants of the app, set by the test. */
	public static final Map<String, Object> CONSTANTS = new HashMap<>();
	/** What was logged last, with its level. */
	public static String logged = "";

	private static final Set<String> MEMBERS = Set.of("SentMessage", "Message", "Status", "MessageId", "MessageUrl");

	private Core() {
	}

	public static Configuration getConfiguration() {
		return name -> {
			if (!CONSTANTS.containsKey(name)) {
				throw new IllegalArgumentException("no constant " + name);
			}
			return CONSTANTS.get(name);
		};
	}

	public static ILogNode getLogger(String name) {
		return new ILogNode() {
			@Override
			public void info(Object message) {
				logged = "info " + name + " " + message;
			}

			@Override
			public void error(Object message) {
				logged = "error " + name + " " + message;
			}
		};
	}

	/** Knows the one entity of the module and its attributes with their types, and refuses the rest as the runtime does. */
	public static IMendixObject instantiate(IContext context, String objectType) {
		if (!objectType.equals("MSTeamsConnectorModule.SendMessageResponse")) {
			throw new IllegalArgumentException("no entity " + objectType);
		}
		Map<String, Object> values = new HashMap<>();
		return new IMendixObject() {
			@Override
			public void setValue(IContext c, String member, Object value) {
				if (!MEMBERS.contains(member)) {
					throw new IllegalArgumentException("no member " + member);
				}
				if (member.equals("SentMessage") != value instanceof Boolean) {
					throw new IllegalArgumentException("wrong type for " + member);
				}
				values.put(member, value);
			}

			@Override
			@SuppressWarnings("unchecked")
			public <T> T getValue(IContext c, String member) {
				return (T) values.get(member);
			}
		};
	}
}
