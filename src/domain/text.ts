const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]+/gu

/**
 * An LSP's text, fit to be shown: bLIP-50 demands that control characters, newlines and `<` are filtered
 * out of it. Bidirectional overrides and other invisible formatting go too. At most `limit` characters.
 */
export function cleanText(text: string, limit = 500): string {
  const clean = text
    .slice(0, limit * 4)
    .replace(UNPRINTABLE, ' ')
    // Without its first half, `<=` would say something else.
    .replaceAll('<=', '≤')
    .replaceAll('<', '')
    .replace(/ {2,}/g, ' ')
    .trim()
  // A character of two halves is cut off whole.
  return clean.length > limit ? `${clean.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : clean
}

/** `cleanText` of what may be anything; null when nothing readable is left. */
export function cleanTextOrNull(value: unknown, limit?: number): string | null {
  if (typeof value !== 'string') return null
  const clean = cleanText(value, limit)
  return clean === '' ? null : clean
}
