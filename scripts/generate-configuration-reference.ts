import { ENVIRONMENT_VARIABLES } from '../src/config/environment.ts'
import { keysOf, listKeys, type Key } from '../src/config/keys.ts'
import { configSchema } from '../src/config/schema.ts'
import { ADAPTERS } from '../src/protocols/index.ts'

/** The text of docs/configuration.md. `UPDATE_DOCS=1 npx vitest run test/config.test.ts` writes it. */
export function configurationReference(exampleFile: string): string {
  const keys = listKeys(keysOf(configSchema(ADAPTERS)))
  return `<!-- Generated from src/config/ and sluice.example.yaml: UPDATE_DOCS=1 npx vitest run test/config.test.ts -->

# Configuration

An argument goes before an environment variable, and a variable before the default; what stands in the file is set
nowhere else. A mistake stops the start with exit status 2 and a message that names file, line and key, what is wrong
and what is allowed; all mistakes are told at once, and none of the messages repeats a secret.

## Environment

${table(
  ['variable', 'default', 'meaning'],
  ENVIRONMENT_VARIABLES.map((variable) => [
    `\`${variable.name}\``,
    variable.default === null ? 'none' : `\`${variable.default}\``,
    variable.meaning,
  ]),
)}

An empty variable counts as unset. The only argument is \`--config FILE\`.

## The file

YAML, in UTF-8. In every value \`\${NAME}\` is replaced from the environment, and \`$\${NAME}\` stands for the text
\`\${NAME}\` itself. It is replaced after YAML was read: whatever the environment holds stays one value. A variable that
is missing is a mistake; one that is all of a value may hold a number, or true or false, where the key wants that.
Within \`[ ]\` and \`{ }\` it needs quotes: \`["\${NAME}"]\`. An unknown key is a mistake.

${table(
  ['key', 'type', 'default', 'meaning'],
  keys.map(({ name, key }) => [`\`${name}\``, key.allowed, defaultText(key), key.description]),
)}

## Example

\`sluice.example.yaml\`:

\`\`\`yaml
${exampleFile.trimEnd()}
\`\`\`
`
}

function defaultText(key: Key): string {
  if (key.required) return 'required'
  if (key.default === undefined) return 'none'
  // Its own keys have the defaults.
  if (key.type === 'object') return ''
  return `\`${JSON.stringify(key.default).replace(/^"|"$/g, '')}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
