$pair = "${env:TEAMSCONNECTOR_LICENSE_KEY}:${env:TEAMSCONNECTOR_LICENSE_SECRET}"
$body = @{
    webhookId   = '{{webhook}}'
    title       = 'Deploy'
    level       = 'good'
    textMessage = 'Hello from PowerShell'
    messageKey  = [guid]::NewGuid().ToString() # send the same one again when you repeat the call
}
$response = Invoke-RestMethod -Method Post -Uri '{{url}}/api/v1/messages' `
    -Headers @{ Authorization = 'Basic ' + [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($pair)) } `
    -ContentType 'application/json; charset=utf-8' `
    -Body ([Text.Encoding]::UTF8.GetBytes(($body | ConvertTo-Json)))
"$($response.status) $($response.message)"
