using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceHosting;

/// <summary>
/// A secret text: it prints as <c>[redacted]</c> in logs, exceptions and JSON, and is read only where
/// <see cref="Reveal"/> is written. Binds from configuration like a string.
/// </summary>
[TypeConverter(typeof(RedactedTypeConverter))]
[JsonConverter(typeof(RedactedJsonConverter))]
public sealed class Redacted
{
    /// <summary>Longer secrets are refused: nothing legitimate comes near.</summary>
    public const int MaxLength = 16 * 1024;

    private const string Shown = "[redacted]";

    private readonly string _value;

    /// <summary>Wraps a secret.</summary>
    public Redacted(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Length > MaxLength)
            throw new ArgumentException($"A secret has at most {MaxLength} characters.", nameof(value));
        _value = value;
    }

    /// <summary>The secret itself.</summary>
    public string Reveal() => _value;

    /// <summary>Always <c>[redacted]</c>.</summary>
    public override string ToString() => Shown;

    private sealed class RedactedTypeConverter : TypeConverter
    {
        public override bool CanConvertFrom(ITypeDescriptorContext? context, Type sourceType) => sourceType == typeof(string);

        public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value) =>
            value is string text ? new Redacted(text) : base.ConvertFrom(context, culture, value);
    }

    private sealed class RedactedJsonConverter : JsonConverter<Redacted>
    {
        public override Redacted? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String) throw new JsonException();
            var text = reader.GetString()!;
            return text.Length <= MaxLength ? new Redacted(text) : throw new JsonException();
        }

        public override void Write(Utf8JsonWriter writer, Redacted value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Shown);
    }
}
