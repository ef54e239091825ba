package msteamsconnectormodule.proxies;

/** What Studio Pro generates from the enumeration of this name. */
public enum Message_Types {
	Text,
	Card
}
