const { TEAMSCONNECTOR_LICENSE_KEY: key, TEAMSCONNECTOR_LICENSE_SECRET: secret } = process.env;

const response = await fetch("{{url}}/api/v1/messages", {
  method: "POST",
  headers: {
    Authorization: "Basic " + Buffer.from(`${key}:${secret}`).toString("base64"),
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    webhookId: "{{webhook}}",
    title: "Deploy",
    level: "good",
    textMessage: "Hello from JavaScript",
    messageKey: crypto.randomUUID(), // send the same one again when you repeat the call
  }),
});
const answer = await response.json();
console.log(answer.status ?? answer.code, answer.message);
if (!response.ok) process.exit(1);
