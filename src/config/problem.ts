/** A mistake of the operator. The message is for them: where, what is wrong, what is allowed; one line per mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export type Path = readonly PropertyKey[]

/** One mistake in the file, and where it begins. */
export interface Problem {
  path: Path
  offset: number
  message: string
}

/** `lsps[0].url` */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`
      // `{auth:token}` lacks a space, and is a key that holds a secret.
      const key = String(step).replace(/([:=]).+/s, '$1…')
      return `${index === 0 ? '' : '.'}${/^[\w-]{1,60}$/.test(key) ? key : quoted(key)}`
    })
    .join('')
}

const LONGEST_SHOWN = 60

/** A value as it is shown in a message: bounded, and on one line whatever it holds. */
export function quoted(text: string): string {
  const short = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN - 1)}…` : text
  return JSON.stringify(short).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
}

/** The candidate that was probably meant, or null. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const bare = (text: string) => text.toLowerCase().replace(/[-_ ]/g, '')
  const meant = bare(word)
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(meant.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(meant, bare(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
