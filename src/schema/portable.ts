import { z } from 'zod'
import { builder } from './builder.ts'
import { ErrorInterface } from './errors.ts'
import { OrderType } from './order.ts'
import { MAX_DOCUMENT_CHARACTERS } from '../portable/document.ts'
import { exportOrder } from '../portable/export.ts'
import { ImportRefusal, type ImportRefusalCode } from '../portable/import.ts'

const ImportErrorCodeEnum = builder.enumType('ImportErrorCode', {
  values: {
    UNREADABLE: { description: 'It is no document of orderExport, or not all of one.' },
    UNKNOWN_VERSION: { description: 'It was written by a version of the gateway that this one does not know.' },
    UNKNOWN_LSP: { description: "The order's LSP is not configured here." },
    NOT_YOURS: { description: "The order is here already, and is another client's." },
  } satisfies Record<ImportRefusalCode, { description: string }>,
})

builder.objectType(ImportRefusal, {
  name: 'ImportError',
  interfaces: [ErrorInterface],
  fields: (t) => ({ code: t.expose('code', { type: ImportErrorCodeEnum }) }),
})

builder.queryField('orderExport', (t) =>
  t.string({
    nullable: true,
    description:
      'An order as one JSON document, for importOrder of another gateway: the quote, the order with its checks, what the LSP\nanswered, and every event. It is a secret: whoever has it can act on the order at its LSP. null: there is no such order.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, { gateway, clientId }) => exportOrder(gateway, clientId, id),
  }),
)

builder.mutationField('importOrder', (t) =>
  t.field({
    type: OrderType,
    description:
      "Take in an order that began at another gateway, from what its orderExport gave, and follow it here: the LSP must be\nconfigured here too. Its events keep their numbers. What is to be paid is shown once the LSP has said it here as well.\nThe same document again gives the same order. Import your own documents only: an order is opened to the node that it names.",
    args: { document: t.arg.string({ required: true, validate: z.string().max(MAX_DOCUMENT_CHARACTERS, `at most ${MAX_DOCUMENT_CHARACTERS} characters`) }) },
    errors: { union: { name: 'ImportOrderResult' }, types: [ImportRefusal] },
    resolve: (_, { document }, { gateway, clientId }) => gateway.importing.importOrder(clientId, document),
  }),
)
