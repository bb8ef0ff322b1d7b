using System.Text;
using AuthService.Sessions;

namespace AuthService.Tests.Sessions;

/// <summary>
/// Random histories of one session on the real scripts: callers, retries, thieves, delays, crashes, restored data.
/// A failure prints its seed; put it into the environment as SESSION_HISTORY to run that history alone.
/// </summary>
public sealed class SessionModelTests(SessionWorld world) : IClassFixture<SessionWorld>
{
    private const int Histories = 10_000;
    private const int Steps = 16;
    private static readonly int? Reproduce = int.TryParse(Environment.GetEnvironmentVariable("SESSION_HISTORY"), out var seed) ? seed : null;

    [Fact]
    public async Task Any_history_does_what_the_contract_says()
    {
        var steered = new SteeredSessions(world);
        var seen = new Dictionary<RotationKind, int>();
        foreach (var seed in Seeds())
        {
            var random = Seeded(seed);
            var model = new SessionModel(SteeredSessions.Epoch);
            var log = new StringBuilder();
            await steered.SetAsync(model.Now, model.Identity);
            var session = await steered.Store.StartAsync(SessionWorld.NewSession(), TestContext.Current.CancellationToken);
            await steered.SnapshotAsync(session.Sid);
            model.Snapshot();
            var checks = new List<Task>();
            for (var i = 0; i < Steps; i++)
                checks.AddRange(Step(steered, session, model, random, log, seen));

            await CompleteAsync(checks, seed, log);
            await steered.ForgetAsync(session.Sid);
        }

        // The histories reach every row of the table often enough to mean something.
        if (Reproduce is null)
            Assert.All(Enum.GetValues<RotationKind>(), kind => Assert.True(seen.GetValueOrDefault(kind) > 1000, $"{kind}: {seen.GetValueOrDefault(kind)}"));
    }

    [Fact]
    public async Task Honest_client_that_retries_is_never_logged_out_by_lost_answers_crashes_or_restored_data()
    {
        var steered = new SteeredSessions(world);
        foreach (var seed in Seeds())
        {
            var random = Seeded(seed);
            var (now, identity) = (SteeredSessions.Epoch, 1);
            var log = new StringBuilder();
            await steered.SetAsync(now, identity);
            var session = await steered.Store.StartAsync(SessionWorld.NewSession(), TestContext.Current.CancellationToken);
            await steered.SnapshotAsync(session.Sid);
            var (held, snapshotAt) = (session.Token, now);
            var checks = new List<Task>();
            for (var refresh = 0; refresh < 6; refresh++)
            {
                // Several tabs, lost answers and retries: the same token again and again within the grace period.
                var rest = 59_000;
                var presentations = random.Next(1, 5);
                for (var i = 0; i < presentations; i++)
                {
                    checks.Add(Expect(steered.Store.RotateAsync(held, 0, SessionWorld.Someone, TestContext.Current.CancellationToken), held.Generation + 1));
                    log.AppendLine($"present {held.Generation}");
                    if (random.Next(4) == 0)
                    {
                        Sent(steered.SnapshotAsync(session.Sid), "snapshot");
                        snapshotAt = now;
                    }

                    if (random.Next(5) == 0)
                    {
                        // Data older than the idle life has no live session to come back to.
                        if (random.Next(2) == 0 && now - snapshotAt < 20 * 3_600_000) Sent(steered.RestoreAsync(session.Sid), "restore");
                        identity++;
                    }

                    var delay = random.Next(rest);
                    rest -= delay;
                    now += delay;
                    Sent(steered.SetAsync(now, identity), $"time {now}, identity {identity}");
                }

                held = held with { Generation = held.Generation + 1 };
                now += random.Next(3 * 3_600_000);
                Sent(steered.SetAsync(now, identity), $"time {now}, identity {identity}");
            }

            await CompleteAsync(checks, seed, log);
            await steered.ForgetAsync(session.Sid);

            void Sent(Task task, string what)
            {
                checks.Add(task);
                log.AppendLine(what);
            }
        }

        static async Task Expect(Task<RotationOutcome> rotation, long generation)
        {
            var outcome = await rotation;
            Assert.True(outcome.Successor?.Generation == generation, $"expected {generation}, got {outcome.Kind} {outcome.Successor?.Generation}");
        }
    }

    private static IEnumerable<Task> Step(
        SteeredSessions steered, StartedSession session, SessionModel model, Random random, StringBuilder log, Dictionary<RotationKind, int> seen)
    {
        var cancellation = TestContext.Current.CancellationToken;
        switch (random.Next(20))
        {
            case < 11:
                // Mostly tokens that callers hold: the newest two, older ones, and once in a while one never issued.
                var generation = Math.Max(1, model.Highest + random.Next(8) switch { < 3 => 0, < 6 => -1, 6 => -2 - random.Next(3), _ => 1 });
                var token = session.Token with { Generation = generation };
                log.AppendLine($"present {generation} at {model.Now - model.BornAt}");
                // The row in the database is read before the script: a session ended there never reaches Redis.
                if (model.EndedInDatabase) break;
                foreach (var other in (long[])[generation, model.Highest, model.Highest - 1])
                    if (other > 0) yield return ExpectLive(steered.Store.IsLiveAsync(token with { Generation = other }, model.Epoch, cancellation), other, model.IsLive(other));
                var kind = model.Present(generation);
                seen[kind] = seen.GetValueOrDefault(kind) + 1;
                yield return ExpectRotation(steered.Store.RotateAsync(token, model.Epoch, SessionWorld.Someone, cancellation), kind, generation + 1);
                break;
            case < 14:
                model.Pass(random.Next(6) switch { < 3 => random.Next(59_000), 3 => 60_000, 4 => 60_001, _ => random.Next(14 * 3_600_000) });
                log.AppendLine($"time {model.Now - model.BornAt}");
                yield return steered.SetAsync(model.Now, model.Identity);
                break;
            case 14:
                log.AppendLine("restart that loses nothing");
                model.Restart();
                yield return steered.SetAsync(model.Now, model.Identity);
                break;
            case < 17:
                log.AppendLine("snapshot");
                model.Snapshot();
                yield return steered.SnapshotAsync(session.Sid);
                break;
            case 17:
                log.AppendLine("restore older data");
                model.Restore();
                yield return steered.RestoreAsync(session.Sid);
                yield return steered.SetAsync(model.Now, model.Identity);
                break;
            case 18:
                var except = random.Next(4) > 0;
                log.AppendLine($"epoch raised, {(except ? "this session excepted" : "all sessions")}");
                var next = model.Epoch + 1;
                if (except) yield return steered.Store.AllowEpochAsync(session.Sid, session.Token.UserId, next - 1, next, cancellation);
                // The commit.
                model.RaiseEpoch(except);
                if (except) yield return steered.Store.StampEpochAsync(session.Sid, session.Token.UserId, next - 1, next, cancellation);
                break;
            case 19 when random.Next(3) == 0:
                log.AppendLine("end");
                if (model.EndedInDatabase) break;
                yield return ExpectEnd(
                    steered.Store.EndAsync(
                        session.Sid, session.Token.UserId, session.Token.ClientId, session.Token.SessionExpiresMs, SessionEndReason.LoggedOut,
                        SessionWorld.Someone, cancellation),
                    model.End());
                break;
            case 19 when random.Next(10) == 0:
                log.AppendLine("Redis comes back empty");
                model.Lose();
                yield return steered.LoseAsync(session.Sid);
                yield return steered.SetAsync(model.Now, model.Identity);
                break;
        }
    }

    private static async Task ExpectRotation(Task<RotationOutcome> rotation, RotationKind kind, long successor)
    {
        var outcome = await rotation;
        Assert.Equal(kind, outcome.Kind);
        if (kind is RotationKind.Rotated or RotationKind.Repeated or RotationKind.MovedForward) Assert.Equal(successor, outcome.Successor!.Generation);
        else Assert.Null(outcome.Successor);
        Assert.Equal(kind is RotationKind.Reused or RotationKind.FromTheFuture, outcome.OutboxId is not null);
    }

    private static async Task ExpectLive(Task<bool> question, long generation, bool live) =>
        Assert.True(await question == live, $"generation {generation} should {(live ? "" : "not ")}be live");

    private static async Task ExpectEnd(Task<SessionEnding> end, bool ended) => Assert.Equal(ended, (await end).Ended);

    private static async Task CompleteAsync(List<Task> checks, int seed, StringBuilder log)
    {
        try
        {
            await Task.WhenAll(checks);
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"History {seed}: {exception.Message}{Environment.NewLine}{log}", exception);
        }
    }

    private static IEnumerable<int> Seeds() => Reproduce is { } one ? [one] : Enumerable.Range(Random.Shared.Next(1_000_000_000), Histories);

#pragma warning disable RS0030 // A seed is what makes a history repeatable; nothing here is secret.
    private static Random Seeded(int seed) => new(seed);
#pragma warning restore RS0030
}
