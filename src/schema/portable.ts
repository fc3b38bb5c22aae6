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
  description: 'Why a document is not imported. More values may follow.',
  values: {
    UNREADABLE: { description: 'Not a document of orderExport, or only a part of one.' },
    UNKNOWN_VERSION: { description: 'The document is of a newer version of the gateway.' },
    CONTRADICTORY: {
      description: 'The quote, the order and the events of the document contradict each other.',
    },
    OTHER_NODE: { description: 'The order is for another node than `clientPubkey`.' },
    UNKNOWN_LSP: { description: "The order's LSP is not configured here." },
    NOT_YOURS: { description: 'The order belongs to another client of this gateway.' },
    ACCESS_TOKEN_MISSING: {
      description: "The order's LSP needs an access token, and the document was exported without a sealKey.",
    },
    SEALED: {
      description:
        'The access token in the document cannot be opened: the sealKey is missing or wrong, or the document was changed.',
    },
    TOO_MANY: {
      description:
        'Too many orders were imported within a minute, or wait for a first report of their LSP. Try again later.',
    },
  } satisfies Record<ImportRefusalCode, { description: string }>,
})

builder.objectType(ImportRefusal, {
  name: 'ImportError',
  description: 'The document is not imported; see code.',
  interfaces: [UserErrorType],
  fields: (t) => ({ code: t.expose('code', { type: ImportErrorCodeEnum, description: 'Why.' }) }),
})

const sealKey = z
  .string()
  .regex(SEAL_KEY, '32 random bytes as 64 hexadecimal digits are wanted, as openssl rand -hex 32 prints them')
  .nullish()

builder.queryField('orderExport', (t) =>
  t.string({
    nullable: true,
    description: `An order as one JSON document for importOrder of another gateway: the quote, the order and its events. The document
has the LSP's access token of the order only if \`sealKey\` is given, sealed with it; with the token, the holder can act on
the order at its LSP. null: the caller has no such order; an order that is too long to import is an error.`,
    args: {
      id: t.arg.id({ required: true, description: 'Id of the order.' }),
      sealKey: t.arg.string({
        description: `The client's own key, which seals the LSP's access token in the document: 32 random bytes as 64 hexadecimal digits,
such as \`openssl rand -hex 32\` prints. Send it as a variable by POST, and keep it apart from the document. Without it, an
order at an LSP with access tokens cannot be imported.`,
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
    description: `Imports an order from the document of another gateway's orderExport; the same document again returns the same order.
Pass \`clientPubkey\`, and import only your own documents: the document names the node that gets the channel. Until you
call an action, the gateway only polls the order at its LSP (${MAX_DOCUMENT_CHARACTERS} characters, ${MAX_EVENTS} events at most).`,
    args: {
      document: t.arg.string({
        required: true,
        description: 'The document, as orderExport returned it.',
        validate: z.string().max(MAX_DOCUMENT_CHARACTERS, `at most ${MAX_DOCUMENT_CHARACTERS} characters`),
      }),
      sealKey: t.arg.string({
        description: 'The key that orderExport was given. Send it as a variable.',
        validate: sealKey,
      }),
      clientPubkey: t.arg({
        type: 'PublicKey',
        description: "The client's node. A document for another node is refused with OTHER_NODE. Default: any node.",
      }),
    },
    errors: {
      union: { name: 'ImportOrderResult', description: 'The imported order, or why it is not imported.' },
      types: [ImportRefusal],
    },
    resolve: (_, args, { gateway, clientId }) =>
      gateway.importing.importOrder(clientId, args.document, {
        sealKey: args.sealKey ?? null,
        clientPubkey: args.clientPubkey ?? null,
      }),
  }),
)
