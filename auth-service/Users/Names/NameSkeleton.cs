using System.Collections.Frozen;
using System.Text;

namespace AuthService.Users.Names;

/// <summary>
/// What a name looks like (Unicode Technical Standard 39, section 4, as far as it is about letters of user names): two names
/// with the same skeleton can be taken for each other. Letters of other scripts become the Latin ones they resemble.
/// </summary>
internal static class NameSkeleton
{
    // Each letter above becomes the one below it.
    private static readonly (string From, string To)[] Pairs =
    [
        // Latin and digits among themselves.
        ("I10ıƖÐƉƽəƅ",
         "lloilĐĐ5ǝb"),
        // Cyrillic.
        ("АаВЕеЅѕІіЇїЈјКкМНОоРрСсТУуХхЬьЗзЁёЀѐҮүҺһӀӏԀԁԚԛԜԝӘәӐӑӒӓӖӗӦӧҪҫӔӕѴѵпгб",
         "AaBEeSsliÏïJjKkMHOoPpCcTYyXxbb33ËëÈèYyhhllddQqWwǝǝĂăÄäĔĕÖöÇçÆæVvnr6"),
        // Greek.
        ("ΑαΒΕΖΗηΙικΚΜΝνΟοΡρστΤυΥγΧχϳͿωάόίύΌΆΈΊΎ",
         "AaBEZHnlikKMNvOoPpotTuYyXxjJwáóíúÓÁÉÍÝ"),
        // Armenian.
        ("օՕսՍոհցզյԼՏք",
         "oOuUnhgqjLSp"),
        // Katakana, hiragana and Han.
        ("ロカニハエタトへべぺ",
         "口力二八工夕卜ヘベペ"),
    ];

    private static readonly FrozenDictionary<Rune, Rune> Looks = Pairs
        .SelectMany(pair => pair.From.EnumerateRunes().Zip(pair.To.EnumerateRunes(), (from, to) => KeyValuePair.Create(from, to)))
        .ToFrozenDictionary();

    public static string Of(string name)
    {
        var skeleton = new StringBuilder(name.Length);
        foreach (var rune in UserNames.Narrow(name).EnumerateRunes())
        {
            // The look of a letter first, then its case: names differ in case only where they do not look alike.
            var look = Looks.GetValueOrDefault(rune, rune);
            var lower = Rune.ToLowerInvariant(look);
            skeleton.Append(Looks.GetValueOrDefault(lower, lower).ToString());
        }
        return skeleton.Replace("rn", "m").Replace("vv", "w").ToString();
    }
}
