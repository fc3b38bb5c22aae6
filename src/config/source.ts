import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type ErrorCode,
  type YAMLError,
} from 'yaml'
import { ConfigError, quoted, type Path, type Problem } from './problem.ts'
import { keyAt, type Key } from './keys.ts'

/** Where something stands in the file, and the variables that its value was made of. */
export interface Place {
  offset: number
  variables: readonly string[]
}

/** The file as plain data, with the environment filled in. */
export interface Source {
  tree: unknown
  problems: readonly Problem[]
  /** The place of a path, or of the nearest thing around it that is there. */
  place(path: Path): Place
  isThere(path: Path): boolean
  line(offset: number): number
}

/** More expansions than an honest file has; a few nested aliases can stand for billions of entries. */
const MOST_ALIASES = 100

const MOST_MISTAKES = 10

/** yaml's own messages quote the file, and with it perhaps a secret. These do not. */
const YAML_MISTAKES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias takes neither a tag nor an anchor',
  BAD_ALIAS: 'not the name of an alias or anchor; a value that begins with * or & needs quotes',
  BAD_COLLECTION_TYPE: 'the tag does not fit what follows it',
  BAD_DIRECTIVE: 'not a directive; a line that begins with % needs quotes',
  BAD_DQ_ESCAPE: 'not an escape sequence; within "…" a backslash is written \\\\',
  BAD_INDENT: 'the indentation does not fit the lines around it, or a closing bracket is missing',
  BAD_PROP_ORDER: 'a tag or an anchor stands in the wrong place',
  BAD_SCALAR_START: 'a value that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a key and its value do not fit on this line; is there a second colon, or the indentation missing?',
  BLOCK_IN_FLOW: 'a list or key that needs lines of its own stands within [ ] or { }',
  DUPLICATE_KEY: 'the key is there twice',
  IMPOSSIBLE: 'not readable as YAML',
  KEY_OVER_1024_CHARS: 'the key is too long',
  MISSING_CHAR: 'a character is missing: a closing quote or bracket, a comma, a colon or a space',
  MULTILINE_IMPLICIT_KEY: 'a key does not end on its line; is a colon missing?',
  MULTIPLE_ANCHORS: 'one value takes one anchor',
  MULTIPLE_DOCS: 'a second document begins here; one file holds one',
  MULTIPLE_TAGS: 'one value takes one tag',
  NON_STRING_KEY: 'a key must be text',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'a tab; lines are indented with spaces',
  TAG_RESOLVE_FAILED: 'an unknown tag; a value that begins with ! needs quotes',
  UNEXPECTED_TOKEN: 'something stands here that does not belong; a value with special characters needs quotes',
}

/** @throws ConfigError when the text is no YAML; mistakes within it are returned with what could be read. */
export function readSource(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  keys: Key,
  fileName: string,
): Source {
  const lines = new LineCounter()
  const line = (offset: number) => Math.max(1, lines.linePos(offset).line)
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, uniqueKeys: false })
  const mistakes = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0])
  // One mistake of syntax makes others of what follows it: the first of them are worth reading.
  const told = mistakes
    .slice(0, MOST_MISTAKES)
    .map((mistake) => `${fileName}:${line(mistake.pos[0])}: ${yamlMistake(mistake, text)}`)
  if (told.length > 0) throw new ConfigError([...new Set(told)].join('\n'))

  const reader = new Reader(document, environment, keys)
  try {
    const tree = reader.read(document.contents, []) ?? {}
    const isThere = (path: Path) => reader.places.has(JSON.stringify(path))
    const place = (path: Path): Place =>
      reader.places.get(JSON.stringify(path)) ??
      (path.length === 0 ? { offset: 0, variables: [] } : place(path.slice(0, -1)))
    return { tree, problems: reader.problems, place, isThere, line }
  } catch (error) {
    if (!(error instanceof TooManyAliases)) throw error
    throw new ConfigError(
      `${fileName}:${line(error.offset)}: more aliases than ${MOST_ALIASES}, counting those within aliases; write the values out`,
    )
  }
}

function yamlMistake(mistake: YAMLError, text: string): string {
  const offset = mistake.pos[0]
  const start = text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  const source = text.slice(start, end === -1 ? undefined : end)
  // The braces of a variable end a value within a flow list or mapping.
  const hint = /[[{,].*\$\{/.test(source) ? '; within [ ] and { } write "${NAME}" in quotes' : ''
  return YAML_MISTAKES[mistake.code] + hint
}

class TooManyAliases extends Error {
  readonly offset: number

  constructor(offset: number) {
    super()
    this.offset = offset
  }
}

class Reader {
  readonly problems: Problem[] = []
  readonly places = new Map<string, Place>()
  private readonly document: Document
  private readonly environment: Readonly<Record<string, string | undefined>>
  private readonly keys: Key
  private aliases = 0

  constructor(document: Document, environment: Readonly<Record<string, string | undefined>>, keys: Key) {
    this.document = document
    this.environment = environment
    this.keys = keys
  }

  /** The place is that of the key where there is one: the line an operator looks for. */
  read(node: unknown, path: Path, offset = offsetOf(node)): unknown {
    const variables: string[] = []
    this.places.set(JSON.stringify(path), { offset, variables })
    if (isAlias(node)) {
      this.aliases += 1
      if (this.aliases > MOST_ALIASES) throw new TooManyAliases(offsetOf(node))
      const target = node.resolve(this.document)
      if (target === undefined)
        this.problems.push({
          path,
          offset,
          message: 'an alias without an anchor before it; a value that begins with * needs quotes',
        })
      return this.read(target, path, offset)
    }
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index]))
    if (isMap(node)) {
      const entries: Record<string, unknown> = {}
      for (const { key, value } of node.items) {
        const name = String(isScalar(key) ? key.value : key)
        const inner = [...path, name]
        if (Object.hasOwn(entries, name))
          this.problems.push({ path: inner, offset: offsetOf(key), message: 'the key is there twice' })
        // Assigning `__proto__` would not make a key.
        Object.defineProperty(entries, name, {
          value: this.read(value, inner, offsetOf(key)),
          enumerable: true,
          configurable: true,
          writable: true,
        })
      }
      return entries
    }
    if (!isScalar(node)) return null
    return typeof node.value === 'string' ? this.fill(node.value, path, offset, variables) : node.value
  }

  private fill(text: string, path: Path, offset: number, variables: string[]): unknown {
    const filled = text.replace(/\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g, (match, name: string | undefined) => {
      if (match === '$${') return '${'
      if (name === undefined) {
        this.problems.push({
          path,
          offset,
          message:
            '${ begins the name of a variable and does not end in one; allowed: ${NAME}, and $${ for the characters themselves',
        })
        return match
      }
      variables.push(name)
      const value = Object.hasOwn(this.environment, name) ? this.environment[name] : undefined
      if (value === undefined) {
        this.problems.push({
          path,
          offset,
          message: `the environment has no variable ${quoted(name).slice(1, -1)}; set it, or write $\${${name}} for the text itself`,
        })
        return match
      }
      return value
    })
    return /^\$\{\w+\}$/.test(text) ? this.typed(filled, path) : filled
  }

  /** The environment has text only; where a key wants a number or a yes, that is what the text is read as. */
  private typed(text: string, path: Path): unknown {
    const type = keyAt(this.keys, path)?.type
    if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
    if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
    return text
  }
}

function offsetOf(node: unknown): number {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0
}
