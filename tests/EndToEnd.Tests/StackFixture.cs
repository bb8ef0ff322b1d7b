using Testing;

[assembly: AssemblyFixture(typeof(EndToEnd.Tests.StackFixture))]

namespace EndToEnd.Tests;

/// <summary>One running system that the tests share which leave it as it was; those that kill something start their own.</summary>
public sealed class StackFixture : IAsyncLifetime
{
    private readonly SystemUnderTest _system = new();

    public Stack Stack => _system.Stack;

    public ValueTask InitializeAsync() => new(_system.StartAsync());

    public ValueTask DisposeAsync() => _system.DisposeAsync();
}
