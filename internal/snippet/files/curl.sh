curl -u "$TEAMSCONNECTOR_LICENSE_KEY:$TEAMSCONNECTOR_LICENSE_SECRET" \
  -H 'Content-Type: application/json' \
  -d '{"webhookId":"{{webhook}}","title":"Deploy","level":"good","textMessage":"Hello from curl"}' \
  {{url}}/api/v1/messages
