namespace AuthService.Pages;

/// <summary>A labelled input. Its error is the model state's under <paramref name="Name"/>.</summary>
/// <param name="Name">Name and id.</param>
/// <param name="Type">Of the input.</param>
/// <param name="Autocomplete">For password managers and authenticators (HTML, section 4.10.18.7).</param>
/// <param name="Value">What stands in it; never a password.</param>
/// <param name="Focus">Whether the person begins here.</param>
internal sealed record Field(
    string Name, string Label, string Type = "text", string? Autocomplete = null, string? Value = null, bool Focus = false, string? Hint = null, string? InputMode = null);
