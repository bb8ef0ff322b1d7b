using Microsoft.Extensions.Logging.Abstractions;
using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol;

public sealed class RevocationReaderTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly RecordingServer _server = new();
    private readonly RevocationReader _reader;

    public RevocationReaderTests() =>
        _reader = new RevocationReader(_server, new RevocationReplica(TimeSpan.FromSeconds(30), _time), null, NullLogger<RevocationReader>.Instance, _time);

    public void Dispose() => _reader.Dispose();

    [Theory]
    [InlineData(12_000, "7000-0")] // What Redis gave an id in the last 5 s is read again.
    [InlineData(15_000, "(10000-0")] // What is older is not, however much came with it.
    [InlineData(900_000, "(10000-0")]
    public async Task Gap_read_begins_5_seconds_before_now_by_the_clock_of_Redis(long nowMs, string from)
    {
        (_server.Last, _server.NowMs) = (new StreamId(10_000, 0), nowMs);
        await _reader.StepAsync(overlap: true, TestContext.Current.CancellationToken);
        await _reader.StepAsync(overlap: true, TestContext.Current.CancellationToken);
        Assert.Equal(["-", from], _server.ReadFrom);
    }

    /// <summary>A Redis with one entry that notes where it is read from.</summary>
    private sealed class RecordingServer : IRevocationServer
    {
        public StreamId Last { get; set; }

        public long NowMs { get; set; }

        public List<string> ReadFrom { get; } = [];

        public Task<RevocationPage> ReadOnAsync(RevocationQuestion question, TimeSpan timeout, CancellationToken cancellationToken)
        {
            ReadFrom.Add(question.From);
            var entry = new RevocationEntry("http://issuer.test", RevocationKind.Sid, "s", 0, null, long.MaxValue);
            return Task.FromResult(new RevocationPage("run:repl", true, NowMs, Last, Last, question.From == "-" ? [(Last, entry)] : []));
        }

        public Task<RevocationAppend> AppendAsync(IReadOnlyCollection<RevocationEntry> entries, long? rowNumber, TimeSpan? maxCutOffLead, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<RevocationStatus> InspectAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> RaiseMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> LockRefillAsync(string owner, TimeSpan life, bool keep, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> MarkAsync(string identity, long rowNumber, string owner, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task SignOffAsync(string gatewayId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task SubscribeToStreamAsync(Action readOn, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task SubscribeToAcknowledgementsAsync(Action<string, StreamId, string> acknowledged, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
