using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;

namespace ServiceHosting.Settings;

/// <summary>
/// A JSON file of settings that keeps its last good content when a change makes it unreadable, where the framework's own
/// forgets every setting of the file, routes and policies included.
/// </summary>
internal sealed class SteadyJsonSource : JsonConfigurationSource
{
    public override IConfigurationProvider Build(IConfigurationBuilder builder)
    {
        EnsureDefaults(builder);
        return new Provider(this);
    }

    private sealed class Provider(SteadyJsonSource source) : JsonConfigurationProvider(source)
    {
        private IDictionary<string, string?>? _good;

        public override void Load(Stream stream)
        {
            try
            {
                base.Load(stream);
                _good = Data;
            }
            catch (FormatException exception) when (_good is not null)
            {
                Data = _good;
                // Logging is configured by what is read here, so it is not at hand.
                Console.Error.WriteLine($"{Source.Path}: the change is not read, the last good settings stay: {exception.InnerException?.Message ?? exception.Message}");
            }
        }
    }
}
