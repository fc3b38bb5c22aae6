import { z } from 'zod'
import { badInput } from './bad-input.ts'
import { builder } from './builder.ts'
import { RenewalStateEnum } from './enums.ts'
import { IdempotencyConflictError, LspError, NotRenewableError } from './errors.ts'
import { LspType } from './lsp.ts'
import { ChannelType } from './channel.ts'
import { NextStepType } from './order-parts.ts'
import { payableNow, PaymentType } from './payment.ts'
import { CheckType } from './quote.ts'
import { LspFailure } from '../domain/failure.ts'
import type { Renewal } from '../domain/renewal-record.ts'
import { isFinalRenewal, renewalStateOf, renewalStepOf } from '../domain/renewal-step.ts'
import type { Gateway } from '../gateway.ts'
import { RenewalKeyConflict } from '../orders/renewal-key.ts'

export const RenewalType = builder.objectRef<Renewal>('Renewal').implement({
  description: "An extension of a channel's lease.",
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the renewal, chosen by the gateway.' }),
    lsp: t.field({
      type: LspType,
      description: 'The LSP that has the channel.',
      resolve: (renewal, _, { gateway }) => gateway.lsps.find(renewal.lspId),
    }),
    shortChannelId: t.exposeString('shortChannelId', { description: 'The channel that is renewed.' }),
    state: t.field({ type: RenewalStateEnum, description: 'State of the renewal.', resolve: renewalStateOf }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat', description: 'Price of the renewal, in satoshis.' }),
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
      description: 'The payment options.',
      resolve: (renewal, _, { gateway }) => payableNow({ ...renewal, expiresAt: null }, gateway.clock.now()),
    }),
    checks: t.field({
      type: [CheckType],
      description: 'How the offer was checked before it was handed out.',
      resolve: (renewal) => renewal.checks ?? [],
    }),
    channel: t.expose('channel', {
      type: ChannelType,
      nullable: true,
      description: 'null: the LSP has not reported the channel.',
    }),
    renewedUntil: t.expose('renewedUntil', {
      type: 'DateTime',
      nullable: true,
      description: 'When the renewed channel may be closed.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the renewal was requested.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the renewal last changed.' }),
  }),
})

const shortChannelId = z
  .string()
  .regex(/^\d{1,8}[x:]\d{1,8}[x:]\d{1,5}$/, 'must be block x transaction x output, for example 643904x1419x1')

function configuredLsp(gateway: Gateway, id: string) {
  const lsp = gateway.lsps.configured.find((one) => one.id === id)
  if (!lsp) throw badInput(`lspId: no LSP has the id ${JSON.stringify(id.slice(0, 64))}`)
  return lsp
}

builder.queryFields((t) => ({
  renewal: t.field({
    type: RenewalType,
    nullable: true,
    description: 'null: the caller has no renewal with this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the renewal.' }) },
    resolve: (_, { id }, { gateway, clientId }) => gateway.store.renewals.get(clientId, id),
  }),
  renewalMessage: t.string({
    nullable: true,
    description: 'The exact text that the node must sign to request a renewal. null: this LSP needs no signature.',
    args: {
      lspId: t.arg.id({ required: true, description: 'Id of the LSP that has the channel.' }),
      shortChannelId: t.arg.string({
        required: true,
        description: 'Block, transaction and output of the funding, for example 643904x1419x1.',
        validate: shortChannelId,
      }),
      validTo: t.arg({ type: 'DateTime', required: true, description: 'New end of the lease.' }),
    },
    resolve(_, { lspId, shortChannelId: scid, validTo }, { gateway }) {
      const lsp = configuredLsp(gateway, lspId)
      return lsp.adapter.renewalMessage?.(lsp.settings.url, scid, validTo)
    },
  }),
}))

const RenewalTermInput = builder.inputType('RenewalTermInput', {
  description: 'How long to extend the lease: exactly one of the two.',
  isOneOf: true,
  fields: (t) => ({
    validTo: t.field({ type: 'DateTime', description: 'Until this time (draft 0.0.1).' }),
    blocks: t.int({ description: 'By this many blocks (LSPS7).', validate: z.number().min(1, 'at least 1').nullish() }),
  }),
})

const RenewChannelInput = builder.inputType('RenewChannelInput', {
  description: 'The channel to renew, and for how long.',
  fields: (t) => ({
    lspId: t.id({ required: true, description: 'The LSP that has the channel.' }),
    shortChannelId: t.string({
      required: true,
      description: 'Block, transaction and output of the funding, for example 643904x1419x1.',
      validate: shortChannelId,
    }),
    idempotencyKey: t.string({
      required: true,
      description:
        'Chosen by the client, 1 to 255 characters. Use a new key for each new renewal, and store it before sending.',
      validate: z.string().min(1, 'must not be empty').max(255, 'at most 255 characters'),
    }),
    term: t.field({ type: RenewalTermInput, required: true, description: 'How long to extend the lease.' }),
    signedMessage: t.string({
      description: "The node's signature of Query.renewalMessage, where that is not null.",
      validate: z.string().min(1).max(512).nullish(),
    }),
    maxFeeTotalSat: t.field({
      type: 'Sat',
      description: `The most that the renewal may cost, in satoshis. A more expensive payment option is withheld. Default: the price of the
LSP's first answer.`,
    }),
  }),
})

builder.mutationField('renewChannel', (t) =>
  t.field({
    type: RenewalType,
    description: `Requests an extension of an existing channel's lease. Repeating the call with the same \`idempotencyKey\` and input
returns the same renewal. The LSP receives one request.`,
    args: { input: t.arg({ type: RenewChannelInput, required: true, description: 'What to renew.' }) },
    errors: {
      union: { name: 'RenewChannelResult', description: 'The renewal, or why there is none. More types may follow.' },
      types: [IdempotencyConflictError, NotRenewableError, LspError],
    },
    async resolve(_, { input }, { gateway, clientId }) {
      const lsp = configuredLsp(gateway, input.lspId)
      const { adapter, settings } = lsp
      if (!adapter.renew) throw new NotRenewableError(`${settings.name} does not renew channels`)
      const { validTo } = input.term
      if (validTo == null)
        throw new NotRenewableError(`${settings.name} renews a channel until a time, not by blocks. Use term.validTo`)
      const signedMessage = input.signedMessage ?? null
      if (adapter.renewalMessage && signedMessage === null)
        throw badInput('input.signedMessage: this LSP needs a signature. Sign Query.renewalMessage with the node')
      try {
        return await gateway.renewals.order(lsp, clientId, { ...input, validTo, signedMessage: signedMessage ?? '' })
      } catch (error) {
        if (error instanceof RenewalKeyConflict) throw new IdempotencyConflictError(null)
        throw error instanceof LspFailure ? new LspError(lsp.id, error.details()) : error
      }
    },
  }),
)
