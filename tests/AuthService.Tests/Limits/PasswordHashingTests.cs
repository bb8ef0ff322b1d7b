using System.Net;
using AuthService.Tests.Tokens;
using AuthService.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Testing;

namespace AuthService.Tests.Limits;

public sealed class PasswordHashingTests
{
    [Fact]
    public async Task Flood_of_sign_ins_is_refused_early_and_refreshes_go_on()
    {
        var hasher = new HeldHasher();
        var service = new RunningService
        {
            Settings = ["AuthService:SignInLimit:HashesAtOnce=2", "AuthService:SignInLimit:HashesWaiting=3", "AuthService:SignInLimit:FailuresPerAddressAndAccount=0"],
            Adjust = services => services.Replace(ServiceDescriptor.Singleton<IPasswordHasher<User>>(hasher)),
        };
        await using (service)
        {
            await service.InitializeAsync();
            var refresh = (await service.SignInAsync()).Refresh;
            hasher.Hold();

            var flood = Enumerable.Range(0, 40).Select(_ => service.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" })).ToList();
            // Two compute, three wait, and the others have their answer although not one hash was finished.
            await Eventually.TrueAsync(() => flood.Count(answer => answer.IsCompleted) == 35, "the rest of the flood is refused at once", TestContext.Current.CancellationToken);
            Assert.Equal(2, hasher.Held);
            foreach (var refused in flood.Where(answer => answer.IsCompleted))
            {
                var answer = await refused;
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
                Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
            }

            for (var i = 0; i < 50; i++) refresh = (await service.RefreshAsync(refresh)).Refresh;
            Assert.Equal(35, flood.Count(answer => answer.IsCompleted));

            hasher.Release();
            foreach (var answer in await Task.WhenAll(flood.Where(answer => !answer.IsCompleted))) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(2, hasher.MostHeld);
            // A refusal for want of time is nobody's failed sign-in.
            Assert.Equal("", await service.Redis.RunCliAsync("keys", "gw:limit:*"));
        }
    }

    /// <summary>Identity's hasher, which takes as long as the test wants.</summary>
    private sealed class HeldHasher : IPasswordHasher<User>, IDisposable
    {
        private readonly PasswordHasher<User> _inner = new(Microsoft.Extensions.Options.Options.Create(new PasswordHasherOptions { IterationCount = 10 }));
        private readonly ManualResetEventSlim _go = new(initialState: true);
        private int _held;
        private int _mostHeld;

        public int Held => Volatile.Read(ref _held);

        public int MostHeld => Volatile.Read(ref _mostHeld);

        public void Hold() => _go.Reset();

        public void Release() => _go.Set();

        public string HashPassword(User user, string password) => _inner.HashPassword(user, password);

        public PasswordVerificationResult VerifyHashedPassword(User user, string hashedPassword, string providedPassword)
        {
            var held = Interlocked.Increment(ref _held);
            if (held > Volatile.Read(ref _mostHeld)) Volatile.Write(ref _mostHeld, held);
            _go.Wait();
            Interlocked.Decrement(ref _held);
            return _inner.VerifyHashedPassword(user, hashedPassword, providedPassword);
        }

        public void Dispose() => _go.Dispose();
    }
}
