import { CHECK_CODES } from '../../src/domain/messages/check-codes.ts'
import { FAILURE_CODES } from '../../src/domain/messages/failure-codes.ts'
import { NEXT_STEP_CODES } from '../../src/domain/messages/next-step-codes.ts'
import { QUOTE_NOTE_CODES } from '../../src/domain/messages/note-codes.ts'
import { ORDER_CHANGE_CODES } from '../../src/domain/messages/order-changes.ts'
import { CLOSE_CODES, ERRORS, type ErrorKind } from '../../src/errors.ts'

/** A table in Markdown. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const codeTable = (codes: Readonly<Record<string, string>>) =>
  table(
    ['code', 'meaning'],
    Object.entries(codes).map(([code, meaning]) => [`\`${code}\``, meaning]),
  )

const HEAD = (file: string) => `<!-- Printed from ${file}: UPDATE_DOCS=1 npx vitest run test/docs -->`

/** docs/messages.md */
export function messagesPage(): string {
  return `${HEAD('src/domain/messages/')}

# Codes and messages

Each message for people has a code for programs. A code keeps its meaning. More codes may follow: show \`message\` for a
code that you do not know.

## Next steps

\`NextStep\` has these fields beside \`code\` and \`message\`. Each is null if it does not apply.

| field | what |
| --- | --- |
| \`actor\`, \`action\` | who acts, and how |
| \`deadline\` | until when |
| \`amountSat\` | what is still to pay, by the cheapest option |
| \`paidSat\`, \`overpaidSat\` | what has arrived, and what of it is too much |
| \`nodeUri\` | the node to connect to |

${codeTable(NEXT_STEP_CODES)}

## Changes

\`OrderChange\` has the value before and after an event, \`oldValue\` and \`newValue\`.

${codeTable(ORDER_CHANGE_CODES)}

## Checks

\`Check\` has the payment \`method\` that was checked, what was \`expected\`, and the \`actual\` value.

${codeTable(CHECK_CODES)}

## Notes on quotes

\`Quote\` has the values that a note is about: the terms, \`prices\`, \`checks\`, \`fit\`, and \`lsp.limits.asOf\`.

${codeTable(QUOTE_NOTE_CODES)}

## Failures

\`QuoteFailure\` and \`LspError\` have the \`field\` at fault, the \`limit\` that the request violates, and \`retryAt\`.

${codeTable(FAILURE_CODES)}
`
}

const statusOf = ({ httpStatus }: ErrorKind) => (httpStatus === null ? '400 or 200' : String(httpStatus))

/** docs/errors.md */
export function errorsPage(): string {
  return `${HEAD('src/errors.ts')}

# Errors

Expected failures of a mutation are types of its result; select \`... on UserError { message }\`. Everything else is a
GraphQL error with a code in \`extensions.code\`.

\`400 or 200\`: 400 if nothing was executed and the client accepts \`application/graphql-response+json\`, else 200.

${table(
  ['code', 'HTTP status', 'when', 'retry'],
  Object.entries(ERRORS).map(([code, kind]) => [`\`${code}\``, statusOf(kind), kind.when, kind.retry]),
)}

## Close codes of WebSockets

${table(
  ['code', 'name', 'when', 'retry'],
  Object.entries(CLOSE_CODES).map(([name, { code, when, retry }]) => [String(code), `\`${name}\``, when, retry]),
)}
`
}
