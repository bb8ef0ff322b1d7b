using Testing;

[assembly: AssemblyFixture(typeof(EndToEnd.Tests.StackFixture))]

namespace EndToEnd.Tests;

/// <summary>One running system that the tests share which leave it as it was; those that kill something start their own.</summary>
public sealed class StackFixture : IAsyncLifetime
{
    public Stack Stack { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Stack = await Stack.StartAsync();

    public ValueTask DisposeAsync() => Stack.DisposeAsync();
}
