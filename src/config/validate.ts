import type { z } from 'zod'
import { keyAt, type Key } from './keys.ts'
import { ConfigError, nearest, pathText, quoted, type Path, type Problem } from './problem.ts'
import type { Source } from './source.ts'

/**
 * The file's data as the schema reads it.
 * @throws ConfigError with every mistake of the file, in its order.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  keys: Key,
  source: Source,
  fileName: string,
): z.output<Schema> {
  // An empty message marks the mistakes that the schema says nothing of its own about.
  const parsed = schema.safeParse(source.tree, { error: () => '', reportInput: true })
  if (parsed.success && source.problems.length === 0) return parsed.data

  const known = new Set(source.problems.map((problem) => pathText(problem.path)))
  const found = (parsed.error?.issues ?? [])
    .flatMap((issue) => problemsOf(issue, keys, source))
    .filter((problem) => !known.has(pathText(problem.path)))
  const lines = [...source.problems, ...found]
    .toSorted((a, b) => a.offset - b.offset)
    .map(
      ({ path, offset, message }) =>
        `${fileName}:${source.line(offset)}: ${path.length === 0 ? '' : `${pathText(path)}: `}${message}`,
    )
  throw new ConfigError([...new Set(lines)].join('\n'))
}

function problemsOf(issue: z.core.$ZodIssue, keys: Key, source: Source): Problem[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    const allowed = [...(keyAt(keys, path)?.children.keys() ?? [])]
    return issue.keys.map((name) => {
      const meant = nearest(name.split(/[:=]/, 1)[0] ?? name, allowed)
      const message = `unknown key${meant === null ? '' : `, did you mean ${meant}?`}; allowed: ${allowed.join(', ')}`
      return { path: [...path, name], offset: source.place([...path, name]).offset, message }
    })
  }
  const message = issue.message || mistakeOf(issue.input, path, keys, source)
  return [{ path, offset: source.place(path).offset, message }]
}

function mistakeOf(value: unknown, path: Path, keys: Key, source: Source): string {
  const key = keyAt(keys, path)
  const allowed = `allowed: ${key?.allowed ?? 'nothing'}`
  if (!source.isThere(path) && path.length > 0) return `is required; ${allowed}`
  if (value === null) return `is empty; ${allowed}`
  const unquoted = key?.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')
  return `${shown(value, key, source.place(path).variables)} is not allowed; ${allowed}${unquoted ? '; put it in quotes' : ''}`
}

/** What is wrong, without what may be secret: what the environment holds is named, not repeated. */
function shown(value: unknown, key: Key | null, variables: readonly string[]): string {
  if (variables.length > 0) return `the value with ${variables.map((name) => `\${${name}}`).join(', ')}`
  if (key === null || key.hides === 'all') return 'the value (not shown)'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  // Text where keys should be: whatever it is, it is in the wrong place, and may be a token.
  if (typeof value === 'string' && (key.type === 'object' || key.type === 'array')) return 'text'
  if (typeof value === 'string') return quoted(key.hides === 'credentials' ? withoutCredentials(value) : value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'the value'
}

function withoutCredentials(url: string): string {
  return url.replace(/^(.*?\/\/)?.*@/s, '$1…@').replace(/[?#].*/s, '?…')
}
