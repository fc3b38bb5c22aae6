import { z } from 'zod'
import { badInput } from './bad-input.ts'
import { builder } from './builder.ts'
import { OrderStateEnum } from './enums.ts'
import { IdempotencyConflictError, LspError } from './errors.ts'
import { LspType } from './lsp.ts'
import { ChannelType, NextStepType } from './order.ts'
import { payableNow, PaymentType } from './payment.ts'
import { CheckType } from './quote.ts'
import { LspFailure } from '../domain/failure.ts'
import type { Renewal } from '../domain/renewal-record.ts'
import { isFinalRenewal, renewalStepOf } from '../domain/renewal-step.ts'
import type { Gateway } from '../gateway.ts'
import { RenewalKeyConflict } from '../orders/renewal-key.ts'

const RenewalType = builder.objectRef<Renewal>('Renewal').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    lsp: t.field({ type: LspType, resolve: (renewal, _, { gateway }) => gateway.lsps.find(renewal.lspId) }),
    shortChannelId: t.exposeString('shortChannelId'),
    state: t.expose('state', { type: OrderStateEnum }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat' }),
    sequence: t.int({
      description: 'Sequence number of the latest change.',
      resolve: ({ sequence }) => sequence ?? 1,
    }),
    isFinal: t.boolean({
      description: 'true: the gateway expects nothing more from the LSP, and polls it no more.',
      resolve: (renewal, _, { gateway }) => isFinalRenewal(renewal, gateway.clock.now()),
    }),
    nextStep: t.field({
      type: NextStepType,
      description: 'What happens next, who acts, and the deadline.',
      resolve: async (renewal, _, { gateway }) => {
        const { features, nodeUris, settings } = await gateway.lsps.find(renewal.lspId)
        return renewalStepOf(renewal, { features, name: settings.name, nodeUris }, gateway.clock.now())
      },
    }),
    failureReason: t.string({
      nullable: true,
      description: 'Why the renewal failed, or why its request has no usable answer.',
      resolve: ({ failureReason, failure }) => failureReason ?? failure?.message,
    }),
    lspOrderId: t.string({
      nullable: true,
      description: "The LSP's id of the renewal. null: the LSP has not answered.",
      resolve: ({ lspOrderId }) => (lspOrderId === '' ? null : lspOrderId),
    }),
    lspState: t.string({
      nullable: true,
      description: "The LSP's own word for the state.",
      resolve: ({ lspState }) => lspState,
    }),
    payment: t.field({
      type: PaymentType,
      resolve: (renewal, _, { gateway }) => payableNow({ ...renewal, expiresAt: null }, gateway.clock.now()),
    }),
    checks: t.field({
      type: [CheckType],
      description: 'How the offer was checked before it was handed out.',
      resolve: (renewal) => renewal.checks ?? [],
    }),
    channel: t.expose('channel', { type: ChannelType, nullable: true }),
    renewedUntil: t.expose('renewedUntil', {
      type: 'DateTime',
      nullable: true,
      description: 'When the renewed channel may be closed.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
  }),
})

const shortChannelId = z
  .string()
  .regex(/^\d{1,8}[x:]\d{1,8}[x:]\d{1,5}$/, 'block x transaction x output is wanted, such as 643904x1419x1')

function configuredLsp(gateway: Gateway, id: string) {
  const lsp = gateway.lsps.configured.find((one) => one.id === id)
  if (!lsp) throw badInput(`lspId: no LSP has the id ${JSON.stringify(id.slice(0, 64))}`)
  return lsp
}

builder.queryFields((t) => ({
  renewal: t.field({
    type: RenewalType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, { gateway, clientId }) => gateway.store.renewals.get(clientId, id),
  }),
  renewalMessage: t.string({
    description:
      'The exact text that the node has to sign to ask for a renewal, at LSPs that renew on a signature (draft 0.0.1).',
    args: {
      lspId: t.arg.id({ required: true }),
      shortChannelId: t.arg.string({ required: true, validate: shortChannelId }),
      validTo: t.arg({ type: 'DateTime', required: true }),
    },
    resolve(_, { lspId, shortChannelId: scid, validTo }, { gateway }) {
      const lsp = configuredLsp(gateway, lspId)
      if (!lsp.adapter.renewalMessage) throw badInput(`lspId: ${lsp.adapter.configName} does not renew on a signature`)
      return lsp.adapter.renewalMessage(lsp.settings.url, scid, validTo)
    },
  }),
}))

const RenewChannelInput = builder.inputType('RenewChannelInput', {
  fields: (t) => ({
    lspId: t.id({ required: true }),
    shortChannelId: t.string({ required: true, validate: shortChannelId }),
    validTo: t.field({ type: 'DateTime', required: true }),
    signedMessage: t.string({
      required: true,
      description: "The node's signature of Query.renewalMessage.",
      validate: z.string().min(1).max(512),
    }),
    idempotencyKey: t.string({
      description:
        'Identifies the request. Repeating it with the same input returns the same renewal, and with different input is an IdempotencyConflictError. Without it, the key is derived from lspId, shortChannelId, validTo and signedMessage.',
      validate: z.string().min(1, 'it must not be empty').max(255, 'at most 255 characters'),
    }),
    maxFeeTotalSat: t.field({
      type: 'Sat',
      description:
        'The most that the renewal may cost. A more expensive payment option is withheld. Without it, the price of the first answer is the maximum.',
    }),
  }),
})

builder.mutationField('renewChannel', (t) =>
  t.field({
    type: RenewalType,
    description: `Requests a longer lease for an open channel, and its price. Repeating the call with the same \`idempotencyKey\` and input
returns the same renewal. The LSP receives one request. For a new renewal, sign a message with a different \`validTo\`.`,
    args: { input: t.arg({ type: RenewChannelInput, required: true }) },
    errors: { union: { name: 'RenewChannelResult' }, types: [IdempotencyConflictError, LspError] },
    async resolve(_, { input }, { gateway, clientId }) {
      const lsp = configuredLsp(gateway, input.lspId)
      try {
        return await gateway.renewals.order(lsp, clientId, input)
      } catch (error) {
        if (error instanceof RenewalKeyConflict) throw new IdempotencyConflictError()
        throw error instanceof LspFailure ? new LspError(lsp.id, error.details()) : error
      }
    },
  }),
)
