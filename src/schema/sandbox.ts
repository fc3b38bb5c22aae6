// The main schema comes first: the fields below exist only in sandbox mode.
import './index.ts'
import { z } from 'zod'
import { badInput } from './bad-input.ts'
import { builder, type Context } from './builder.ts'
import { orderIdOf } from './newest.ts'
import { OrderType } from './order.ts'
import { LspType } from './lsp.ts'
import { sat, type Sat } from '../domain/money.ts'
import { SECOND_MS } from '../domain/time.ts'
import type { Payment } from '../domain/payment.ts'
import type { Order } from '../domain/order-record.ts'
import { FAULTS, PaymentError, type Fault, type SandboxLsp, type SandboxWallet } from '../sandbox/index.ts'

const SandboxWayEnum = builder.enumType('SandboxPaymentWay', {
  description: 'How the sandbox wallet pays. More values may follow.',
  values: {
    BOLT11: { description: 'The Lightning invoice.' },
    BOLT12: { description: 'The BOLT 12 offer.' },
    ONCHAIN: { description: 'The on-chain address.' },
  } as const,
})

const SandboxFaultEnum = builder.enumType('SandboxFault', {
  description: 'What a simulated LSP can do wrong. More values may follow.',
  values: Object.fromEntries(Object.entries(FAULTS).map(([name, description]) => [name, { description }])) as Record<
    Fault,
    { description: string }
  >,
})

interface SandboxPayment {
  /** PENDING: the LSP holds it until the channel opens. */
  state: 'PENDING' | 'SUCCEEDED' | 'RETURNED'
  txid: string | null
  order: Order | null
}

const SandboxPaymentStateEnum = builder.enumType('SandboxPaymentState', {
  description: 'State of a payment of the sandbox wallet. More values may follow.',
  values: {
    PENDING: { description: 'The LSP holds it until the channel opens, or it is not confirmed on chain yet.' },
    SUCCEEDED: { description: 'The LSP has it.' },
    RETURNED: { description: 'The LSP cancelled or refunded it.' },
  },
})

const SandboxPaymentType = builder.objectRef<SandboxPayment>('SandboxPayment').implement({
  description: 'A payment of the sandbox wallet.',
  fields: (t) => ({
    state: t.expose('state', { type: SandboxPaymentStateEnum, description: 'What became of it.' }),
    txid: t.exposeString('txid', { nullable: true, description: 'The transaction. null: it is not on-chain.' }),
    order: t.expose('order', {
      type: OrderType,
      nullable: true,
      description:
        'The order before the gateway sees the payment; subscribe to the order to see the payment arrive. null for a renewal.',
    }),
  }),
})

const SandboxForwardedPaymentType = builder
  .objectRef<{ receivedSat: number; feeSat: number }>('SandboxForwardedPayment')
  .implement({
    description: 'A payment that an LSP forwarded to the sandbox wallet.',
    fields: (t) => ({
      receivedSat: t.field({
        type: 'Sat',
        description: 'The amount that reached the wallet.',
        resolve: ({ receivedSat }) => sat(receivedSat),
      }),
      feeSat: t.field({
        type: 'Sat',
        description: 'The part of its fee that the LSP took.',
        resolve: ({ feeSat }) => sat(feeSat),
      }),
    }),
  })

const SandboxLspType = builder.objectRef<SandboxLsp>('SandboxLsp').implement({
  description: 'A simulated LSP and its faults.',
  fields: (t) => ({
    lsp: t.field({
      type: LspType,
      description: 'The LSP as the gateway sees it.',
      resolve: ({ id }, _, { gateway }) => gateway.lsps.find(id),
    }),
    faults: t.field({
      type: [SandboxFaultEnum],
      description: 'The faults that are on.',
      resolve: ({ faults }) => [...faults],
    }),
    supportedFaults: t.field({
      type: [SandboxFaultEnum],
      description: 'The faults that it can have.',
      resolve: ({ supportedFaults }) => supportedFaults,
    }),
    orderCount: t.exposeInt('orderCount', { description: 'The number of orders that were placed with it.' }),
  }),
})

const SandboxWalletType = builder.objectRef<SandboxWallet>('SandboxWallet').implement({
  description: "The client's node. Its funds are unlimited.",
  fields: (t) => ({
    pubkey: t.expose('pubkey', { type: 'PublicKey', description: 'Its public key, for clientPubkey.' }),
    address: t.exposeString('address', { description: 'Its address, host:port, for clientAddress.' }),
    newAddress: t.string({
      description: 'A fresh on-chain address, for a refund.',
      resolve: (wallet) => wallet.newAddress(),
    }),
    invoice: t.string({
      description: 'An invoice of the wallet, for a refund.',
      args: { amountSat: t.arg({ type: 'Sat', required: true, description: 'Amount of the invoice, in satoshis.' }) },
      resolve: (wallet, { amountSat }) => wallet.createInvoice(amountSat),
    }),
    signMessage: t.string({
      description: "The node's signature, for renewChannel.",
      args: { message: t.arg.string({ required: true, description: 'Query.renewalMessage.' }) },
      resolve: (wallet, { message }) => wallet.signMessage(message),
    }),
  }),
})

function sandboxOf({ sandbox }: Context) {
  if (!sandbox) throw badInput('this gateway does not run in sandbox mode')
  return sandbox
}

builder.queryFields((t) => ({
  sandboxWallet: t.field({
    type: SandboxWalletType,
    description: 'The node that buys channels in the sandbox.',
    resolve: (_, __, context) => sandboxOf(context).wallet,
  }),
  sandboxLsps: t.field({
    type: [SandboxLspType],
    description: 'The simulated LSPs.',
    resolve: (_, __, context) => sandboxOf(context).lsps,
  }),
}))

builder.mutationFields((t) => ({
  sandboxPay: t.field({
    type: SandboxPaymentType,
    description: 'Pays an order or a renewal from the sandbox wallet.',
    args: {
      id: t.arg.id({ required: true, description: 'Id of the order or renewal; `newest`: the newest order.' }),
      way: t.arg({ type: SandboxWayEnum, required: true, defaultValue: 'BOLT11', description: 'How to pay.' }),
      amountSat: t.arg({
        type: 'Sat',
        description: 'For ONCHAIN only: another amount than the order total, to pay too little, the rest, or too much.',
      }),
    },
    async resolve(_, { id: given, way, amountSat }, context) {
      const { gateway, clientId } = context
      const id = await orderIdOf(given, context)
      const [order] = await gateway.store.orders.byIds(clientId, [id])
      const payment = order?.payment ?? (await gateway.store.renewals.get(clientId, id))?.payment
      if (!payment) throw badInput('id: there is no such order or renewal')
      const paid = await pay(sandboxOf(context).wallet, payment, way, amountSat ?? null)
      // Polls the order at once, so that the sandbox answers without a wait.
      if (order) await gateway.store.orders.makeDue(order.id, gateway.clock.now())
      return { ...paid, order: order ?? null }
    },
  }),
  sandboxReceive: t.field({
    type: SandboxForwardedPaymentType,
    description:
      "Has a stranger pay an invoice of the sandbox wallet with the order's route hint (Order.jitRouteHint). The first payment opens the channel; the LSP takes a part of its fee from each.",
    args: {
      orderId: t.arg.id({ required: true, description: 'Id of the order.' }),
      amountSat: t.arg({ type: 'Sat', required: true, description: 'The amount that the stranger pays.' }),
    },
    async resolve(_, { orderId: given, amountSat }, context) {
      const { gateway, clientId } = context
      const orderId = await orderIdOf(given, context)
      const [order] = await gateway.store.orders.byIds(clientId, [orderId])
      if (!order) throw badInput('orderId: there is no such order')
      if (!order.jit) throw badInput('orderId: the LSP gave this order no route hint')
      const payment = orBadInput(() =>
        sandboxOf(context).wallet.receiveThroughHint(order.jit?.shortChannelId ?? '', amountSat),
      )
      await gateway.store.orders.makeDue(order.id, gateway.clock.now())
      return payment
    },
  }),
  sandboxAdvance: t.field({
    type: 'DateTime',
    description:
      'Moves the time of the gateway and of the simulated LSPs forward, until the gateway restarts. Returns the new time. Only with the embedded database: PostgreSQL has its own clock.',
    args: {
      seconds: t.arg.int({
        required: true,
        description: 'How far, 1 to 31536000 (a year).',
        validate: z.number().min(1, 'at least 1').max(31_536_000, 'at most 31536000'),
      }),
    },
    resolve: (_, { seconds }, context) => {
      if (context.gateway.store.isShared)
        throw badInput('sandboxAdvance: this gateway runs on PostgreSQL, whose clock cannot be moved')
      return sandboxOf(context).advance(seconds * SECOND_MS)
    },
  }),
  sandboxSetFaults: t.field({
    type: SandboxLspType,
    description: 'Switches exactly these faults on at a simulated LSP, and all others off.',
    args: {
      lspId: t.arg.id({ required: true, description: 'Id of the LSP.' }),
      faults: t.arg({ type: [SandboxFaultEnum], required: true, description: 'Exactly these faults; empty: none.' }),
    },
    resolve(_, { lspId, faults }, context) {
      try {
        const lsp = sandboxOf(context).lsp(lspId)
        lsp.setFaults(faults)
        return lsp
      } catch (error) {
        throw error instanceof RangeError ? badInput(error.message) : error
      }
    },
  }),
}))

async function pay(
  wallet: SandboxWallet,
  { bolt11, bolt12, onchain }: Payment,
  way: 'BOLT11' | 'BOLT12' | 'ONCHAIN',
  amountSat: Sat | null,
): Promise<Omit<SandboxPayment, 'order'>> {
  if (way !== 'ONCHAIN' && amountSat !== null)
    throw badInput(`amountSat: only for ONCHAIN; ${way} is paid by its own amount`)
  try {
    if (way === 'BOLT11' && bolt11) return { state: (await wallet.payInvoice(bolt11.invoice)).state, txid: null }
    if (way === 'BOLT12' && bolt12) return { state: (await wallet.payOffer(bolt12.offer)).state, txid: null }
    if (way === 'ONCHAIN' && onchain) {
      const { txid } = await wallet.payOnchain(onchain.address, amountSat ?? onchain.orderTotalSat)
      return { state: 'PENDING', txid }
    }
  } catch (error) {
    throw asBadInput(error)
  }
  throw badInput(`way: the LSP does not offer ${way}`)
}

function orBadInput<Result>(act: () => Result): Result {
  try {
    return act()
  } catch (error) {
    throw asBadInput(error)
  }
}

function asBadInput(error: unknown): unknown {
  return error instanceof PaymentError ? badInput(`not paid: ${error.message}`) : error
}

/** The schema of a gateway that runs in sandbox mode. */
export const sandboxSchema = builder.toSchema({ sortSchema: false })
