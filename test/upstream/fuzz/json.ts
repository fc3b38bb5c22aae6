/**
 * JSON before it is a value: keys in order, as often as they are there, and numbers as they are written. What
 * JSON.stringify cannot say, such as 1e309, -0 or the same key twice, an LSP still can.
 */
export type Json =
  | { kind: 'object'; entries: { key: string; value: Json }[] }
  | { kind: 'array'; items: Json[] }
  | { kind: 'text'; text: string }
  | { kind: 'raw'; raw: string }

export const raw = (written: string): Json => ({ kind: 'raw', raw: written })
export const string = (text: string): Json => ({ kind: 'text', text })

export function jsonOf(value: unknown): Json {
  if (typeof value === 'string') return string(value)
  if (Array.isArray(value)) return { kind: 'array', items: value.map(jsonOf) }
  if (typeof value === 'object' && value !== null)
    return { kind: 'object', entries: Object.entries(value).map(([key, inner]) => ({ key, value: jsonOf(inner) })) }
  return raw(JSON.stringify(value))
}

export function write(json: Json): string {
  switch (json.kind) {
    case 'object':
      return `{${json.entries.map(({ key, value }) => `${JSON.stringify(key)}:${write(value)}`).join(',')}}`
    case 'array':
      return `[${json.items.map(write).join(',')}]`
    case 'text':
      return JSON.stringify(json.text)
    case 'raw':
      return json.raw
  }
}

/** A copy whose every node can be changed. */
export const copy = (json: Json): Json => structuredClone(json)

/** Every value in it, with a way to put another in its place. */
export function slots(root: { value: Json }): { value: Json }[] {
  const found = [root]
  for (const slot of found) {
    const { value } = slot
    if (value.kind === 'object') found.push(...value.entries)
    if (value.kind === 'array') {
      value.items.forEach((_, index) => {
        found.push({
          get value() {
            return value.items[index] as Json
          },
          set value(next) {
            value.items[index] = next
          },
        })
      })
    }
  }
  return found
}
