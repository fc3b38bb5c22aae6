import { z } from 'zod'
import { badInput } from './bad-input.ts'
import { builder } from './builder.ts'
import { UserErrorType } from './errors.ts'
import { OrderType } from './order.ts'
import { MAX_DOCUMENT_CHARACTERS, MAX_EVENTS } from '../portable/document.ts'
import { exportOrder, TooLargeToMove } from '../portable/export.ts'
import { ImportRefusal, type ImportRefusalCode } from '../portable/refusal.ts'
import { SEAL_KEY } from '../portable/seal.ts'

const ImportErrorCodeEnum = builder.enumType('ImportErrorCode', {
  values: {
    UNREADABLE: { description: 'It is no document of orderExport, or not all of one.' },
    UNKNOWN_VERSION: { description: 'It was written by a version of the gateway that this one does not know.' },
    CONTRADICTORY: {
      description: 'The quote, the order and the events of the document contradict each other. Somebody changed it.',
    },
    OTHER_NODE: { description: 'The order is for another node than `clientPubkey`.' },
    UNKNOWN_LSP: { description: "The order's LSP is not configured here." },
    NOT_YOURS: { description: "The order is here already, and is another client's." },
    ACCESS_TOKEN_MISSING: {
      description: "The order's LSP wants an access token, and the document was exported without a sealKey.",
    },
    SEALED: {
      description:
        "The document's access token is sealed, and is not opened: the sealKey is missing or another, or the document was changed.",
    },
    TOO_MANY: {
      description:
        'Too many were imported within a minute, or of too many the LSP has told nothing here yet: import this one later.',
    },
  } satisfies Record<ImportRefusalCode, { description: string }>,
})

builder.objectType(ImportRefusal, {
  name: 'ImportError',
  interfaces: [UserErrorType],
  fields: (t) => ({ code: t.expose('code', { type: ImportErrorCodeEnum }) }),
})

const sealKey = z
  .string()
  .regex(SEAL_KEY, '32 random bytes as 64 hexadecimal digits are wanted, as openssl rand -hex 32 prints them')
  .nullish()

builder.queryField('orderExport', (t) =>
  t.string({
    nullable: true,
    description: `An order as one JSON document, for importOrder of another gateway: the quote, the order with its checks, what the LSP
answered, and every event; what is to be paid only as far as it still is. Some LSPs give each order an access token,
without which nobody can ask about it: the document has it only when there is a sealKey, and only sealed with that.
Whoever has the document and the key can act on the order at its LSP; where the LSP gives no access token, whoever has
the document. null: there is no such order. One whose document importOrder would not take in for its length is an error
(BAD_USER_INPUT): its events are read by \`Order.events\`.`,
    args: {
      id: t.arg.id({ required: true }),
      sealKey: t.arg.string({
        description: `A key of the client's own, which the order's access token is sealed with and importOrder opens it with: 32 random bytes
as 64 hexadecimal digits, as \`openssl rand -hex 32\` prints them. Keep it apart from the document: it is nowhere else. Send
it as a variable and by POST: addresses are logged on their way, and documents are kept in memory. Without it, an order
at an LSP that wants an access token cannot be imported (\`lsp.needsAccessToken\` in the document).`,
        validate: sealKey,
      }),
    },
    resolve: (_, args, { gateway, clientId }) =>
      exportOrder(gateway, clientId, args.id, args.sealKey ?? null).catch((error: unknown) => {
        throw error instanceof TooLargeToMove ? badInput(`id: ${error.message}`) : error
      }),
  }),
)

builder.mutationField('importOrder', (t) =>
  t.field({
    type: OrderType,
    description: `Imports an order that began at another gateway, from the document that its orderExport returned. This gateway must have
the same LSP. Event numbers are kept. Payment details and actions become available after this gateway has read the order
from its LSP. The same document again returns the same order. Import only documents of your own, and pass \`clientPubkey\`:
the channel is opened to the node that the document names. The gateway only reads the order from its LSP until you call
an action: a paid order whose LSP waits to be asked opens when you call openChannel. A document whose parts contradict
each other is refused. Limits: ${MAX_DOCUMENT_CHARACTERS} characters, ${MAX_EVENTS} events.`,
    args: {
      document: t.arg.string({
        required: true,
        validate: z.string().max(MAX_DOCUMENT_CHARACTERS, `at most ${MAX_DOCUMENT_CHARACTERS} characters`),
      }),
      sealKey: t.arg.string({
        description:
          'What orderExport was given; wanted when it was, and the LSP gives access tokens. Send it as a variable.',
        validate: sealKey,
      }),
      clientPubkey: t.arg({
        type: 'PublicKey',
        description: 'Your node. A document of an order for another node is refused (OTHER_NODE).',
      }),
    },
    errors: { union: { name: 'ImportOrderResult' }, types: [ImportRefusal] },
    resolve: (_, args, { gateway, clientId }) =>
      gateway.importing.importOrder(clientId, args.document, {
        sealKey: args.sealKey ?? null,
        clientPubkey: args.clientPubkey ?? null,
      }),
  }),
)
