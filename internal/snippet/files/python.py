# Beside this file, once: curl -O {{url}}/clients/teamsconnector.py
import teamsconnector

teams = teamsconnector.Client("{{url}}")  # the keys come from the environment
response = teams.send("{{webhook}}", "Hello from Python", title="Deploy", level="good")
print(response.status, response.message)
