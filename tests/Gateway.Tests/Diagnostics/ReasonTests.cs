using System.Net;
using System.Text.Json;
using Gateway.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace Gateway.Tests.Diagnostics;

public sealed class ReasonTests
{
    [Fact]
    public void Codes_are_unique_and_stable_in_form()
    {
        Assert.True(Reason.All.Count > 20);
        Assert.Equal(Reason.All.Count, Reason.All.Select(reason => reason.Code).Distinct().Count());
        Assert.All(Reason.All, reason => Assert.Matches("^[a-z][a-z_]+[a-z]$", reason.Code));
        Assert.All(Reason.All, reason => Assert.DoesNotContain('"', reason.Detail));
    }

    [Fact]
    public void Only_503_invites_to_try_again_and_within_5_seconds()
    {
        Assert.All(Reason.All, reason => Assert.Equal(reason.Status == 503, reason.RetryAfter is not null));
        Assert.All(Reason.All.Where(reason => reason.RetryAfter is not null), reason => Assert.InRange(int.Parse(reason.RetryAfter!), 1, 5));
    }

    [Fact]
    public async Task Every_reason_is_a_problem_body_with_its_challenge()
    {
        foreach (var reason in Reason.All)
        {
            var context = new DefaultHttpContext();
            using var body = new MemoryStream();
            context.Response.Body = body;

            await context.RefuseAsync(reason);

            Assert.Equal((reason.Status, "application/problem+json"), (context.Response.StatusCode, context.Response.ContentType));
            Assert.Equal("no-store", context.Response.Headers.CacheControl.ToString());
            using var json = JsonDocument.Parse(body.ToArray());
            Assert.Equal(["type", "title", "status", "detail", "code"], json.RootElement.EnumerateObject().Select(member => member.Name));
            Assert.Equal(reason.Code, json.RootElement.GetProperty("code").GetString());
            Assert.Equal(reason.Status, json.RootElement.GetProperty("status").GetInt32());
            var challenge = context.Response.Headers.WWWAuthenticate.ToString();
            Assert.Equal(reason.Status == (int)HttpStatusCode.Unauthorized || reason == Reason.InsufficientScope, challenge.Length > 0);
            if (reason == Reason.TokenMissing) Assert.Equal("Bearer realm=\"gateway\"", challenge);
            else if (reason.Status == (int)HttpStatusCode.Unauthorized)
                Assert.Equal($"Bearer error=\"invalid_token\", error_description=\"{reason.Detail}\"", challenge);
        }
    }
}
