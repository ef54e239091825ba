using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;

var pair = Environment.GetEnvironmentVariable("TEAMSCONNECTOR_LICENSE_KEY") + ":" +
           Environment.GetEnvironmentVariable("TEAMSCONNECTOR_LICENSE_SECRET");
using var http = new HttpClient();
http.DefaultRequestHeaders.Authorization =
    new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));

using var response = await http.PostAsJsonAsync("{{url}}/api/v1/messages", new
{
    webhookId = "{{webhook}}",
    title = "Deploy",
    level = "good",
    textMessage = "Hello from C#",
    messageKey = Guid.NewGuid().ToString(), // send the same one again when you repeat the call
});
Console.WriteLine(await response.Content.ReadAsStringAsync());
return response.IsSuccessStatusCode ? 0 : 1;
