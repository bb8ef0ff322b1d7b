using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ServiceHosting;
using Testing;

namespace Libraries.Tests.ServiceHosting;

public sealed class ServiceHostTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public void Every_configuration_problem_stops_the_start()
    {
        var exception = Assert.Throws<ConfigurationException>(() => HostedService.Build(
            builder => builder.Services.AddCheckedOptions<SampleOptions>("Sample:Options")
                .Validate(options => options.Count < 10, "Sample:Options:Count: must be below 10."),
            null,
            "--Management:Url", "nowhere", "--Sample:ShutdownDelay", "-1", "--Management:Tokn", "x",
            "--Sample:Options:Count", "11"));
        string[] expected = ["Management:Url", "Sample:ShutdownDelay", "Management:Tokn", "Sample:Options:Count"];
        Assert.Equal(expected.Order(), exception.Problems.Select(problem => problem.Split(": ")[0]).Order());
    }

    [Fact]
    public async Task Problems_are_reported_without_a_stack_trace_and_end_with_1()
    {
        using var output = new StringWriter();
        StartupReport.Write(output, "sample", new ConfigurationException("A:B: is wrong.", "C:D: too."));
        Assert.Equal($"sample: could not start, 2 problems:{Environment.NewLine}  - A:B: is wrong.{Environment.NewLine}  - C:D: too.{Environment.NewLine}", output.ToString());

        Assert.Equal(1, await ServiceHost.RunAsync(HostedService.Description, ["--Management:Url", "nowhere"], _ => { }, _ => { }));
    }

    [Fact]
    public async Task Signal_ends_readiness_at_once_and_acceptance_after_the_delay()
    {
        await using var service = await HostedService.StartAsync(null, app => app.Run(context => context.Response.WriteAsync("ok")), "--Sample:ShutdownDelay", "00:00:30");
        Assert.Equal(200, (await HostedService.GetAsync(service.ManagementPort, "/healthz/ready")).Status);
        var lifetime = service.App.Services.GetRequiredService<DrainingLifetime>();

        var draining = lifetime.DrainAsync();

        Assert.Contains("stopping", (await HostedService.GetAsync(service.ManagementPort, "/healthz/ready")).BodyText, StringComparison.Ordinal);
        Assert.Equal(200, (await HostedService.GetAsync(service.PublicPort, "/")).Status);
        Assert.False(draining.IsCompleted);
        Assert.False(service.App.Lifetime.ApplicationStopping.IsCancellationRequested);

        // A second signal does not wait.
        await lifetime.DrainAsync();
        await draining;
        Assert.True(service.App.Lifetime.ApplicationStopping.IsCancellationRequested);
    }

    [Fact]
    public async Task Completion_event_says_what_happened_and_nothing_the_client_chose()
    {
        await using var service = await HostedService.StartAsync(null, app =>
        {
            app.MapGet("/items/{id}", context => ProblemBody.WriteAsync(context, 403, "insufficient_scope", "No.", context.RequestAborted));
        });
        await RawHttpClient.SendAsync(
            service.PublicPort,
            "GET /items/secret-path?secret-query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret-token\r\nCookie: a=secret-cookie\r\nConnection: close\r\n\r\n",
            Cancelled);
        await RawHttpClient.SendAsync(service.PublicPort, "SECRETMETHOD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", Cancelled);

        await Eventually.TrueAsync(
            _ => Task.FromResult(service.Logs.Entries.Count(entry => entry.EventId == 4000) == 2), TimeSpan.FromSeconds(5), () => "no event", Cancelled);
        // The two may come in either order: each is written after its answer was sent.
        var first = Assert.Single(service.Logs.Entries, entry => entry.EventId == 4000 && entry.Text.StartsWith("GET /items/{id} 403 insufficient_scope in ", StringComparison.Ordinal)).Text;
        Assert.Contains("127.0.0.1", first, StringComparison.Ordinal);
        Assert.All(service.Logs.Entries.Where(entry => entry.EventId == 4000), entry => Assert.DoesNotContain("secret", entry.Text, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Unexpected_failure_is_a_problem_body_without_details()
    {
        await using var service = await HostedService.StartAsync(null, app => app.Run(_ => throw new InvalidOperationException("inner details")));
        var answer = await HostedService.GetAsync(service.PublicPort, "/");
        using var body = JsonDocument.Parse(answer.Body);
        Assert.Equal((500, "internal_error"), (answer.Status, body.RootElement.GetProperty("code").GetString()));
        Assert.DoesNotContain("inner details", answer.BodyText, StringComparison.Ordinal);
        Assert.Contains(service.Logs.Entries, entry => entry.EventId == 4002 && entry.Text.Contains("inner details", StringComparison.Ordinal));
    }

    [Fact]
    public void Secrets_never_print()
    {
        var secret = new Redacted("hunter2");
        Assert.Equal("[redacted]", $"{secret}");
        Assert.Equal("\"[redacted]\"", JsonSerializer.Serialize(secret));
        Assert.Equal("hunter2", JsonSerializer.Deserialize<Redacted>("\"hunter2\"")!.Reveal());
        Assert.Throws<ArgumentException>(() => new Redacted(new string('x', Redacted.MaxLength + 1)));
    }

    private sealed class SampleOptions
    {
        public int Count { get; set; }
    }
}
