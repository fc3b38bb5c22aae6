// First the schema without what follows: a gateway to real LSPs has nothing that plays with them.
import './index.ts'
import { badInput } from './bad-input.ts'
import { builder, type Context } from './builder.ts'
import { OrderType } from './order.ts'
import { LspType } from './lsp.ts'
import type { Payment } from '../domain/payment.ts'
import type { Order } from '../domain/order-record.ts'
import { FAULTS, PaymentError, type Fault, type SandboxLsp, type SandboxWallet } from '../sandbox/index.ts'

const SandboxWayEnum = builder.enumType('SandboxPaymentWay', { values: ['BOLT11', 'ONCHAIN'] as const })

const SandboxFaultEnum = builder.enumType('SandboxFault', {
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
  values: {
    PENDING: { description: 'Held by the LSP until the channel opens, or on its way on chain.' },
    SUCCEEDED: {},
    RETURNED: {},
  },
})

const SandboxPaymentType = builder.objectRef<SandboxPayment>('SandboxPayment').implement({
  fields: (t) => ({
    state: t.expose('state', { type: SandboxPaymentStateEnum }),
    txid: t.exposeString('txid', { nullable: true }),
    order: t.expose('order', {
      type: OrderType,
      nullable: true,
      description:
        'The order as it stood when it was paid: that the LSP has the payment is seen by following it. null when a renewal was paid.',
    }),
  }),
})

const SandboxLspType = builder.objectRef<SandboxLsp>('SandboxLsp').implement({
  description: 'A simulated LSP, and what is wrong with it.',
  fields: (t) => ({
    lsp: t.field({ type: LspType, resolve: ({ id }, _, { gateway }) => gateway.lsps.require(id) }),
    faults: t.field({ type: [SandboxFaultEnum], resolve: ({ faults }) => [...faults] }),
    supportedFaults: t.field({ type: [SandboxFaultEnum], resolve: ({ supportedFaults }) => supportedFaults }),
    orderCount: t.exposeInt('orderCount', { description: 'Orders that were placed with it.' }),
  }),
})

const SandboxWalletType = builder.objectRef<SandboxWallet>('SandboxWallet').implement({
  description: "The client's node. Its funds have no end.",
  fields: (t) => ({
    pubkey: t.expose('pubkey', { type: 'PublicKey' }),
    address: t.exposeString('address', { description: 'host:port' }),
    newAddress: t.string({
      description: 'A fresh on-chain address, for a refund.',
      resolve: (wallet) => wallet.newAddress(),
    }),
    invoice: t.string({
      description: 'An invoice of the wallet, for a refund.',
      args: { amountSat: t.arg({ type: 'Sat', required: true }) },
      resolve: (wallet, { amountSat }) => wallet.createInvoice(amountSat),
    }),
    signMessage: t.string({
      description: "The node's signature, as renewChannel wants it.",
      args: { message: t.arg.string({ required: true }) },
      resolve: (wallet, { message }) => wallet.signMessage(message),
    }),
  }),
})

function sandboxOf({ sandbox }: Context) {
  if (!sandbox) throw badInput('this gateway does not run in sandbox mode')
  return sandbox
}

builder.queryFields((t) => ({
  sandboxWallet: t.field({ type: SandboxWalletType, resolve: (_, __, context) => sandboxOf(context).wallet }),
  sandboxLsps: t.field({ type: [SandboxLspType], resolve: (_, __, context) => sandboxOf(context).lsps }),
}))

builder.mutationFields((t) => ({
  sandboxPay: t.field({
    type: SandboxPaymentType,
    description: 'Pay an order, or a renewal, from the sandbox wallet.',
    args: {
      id: t.arg.id({ required: true, description: 'Of the order or of the renewal.' }),
      way: t.arg({ type: SandboxWayEnum, required: true, defaultValue: 'BOLT11' }),
    },
    async resolve(_, { id, way }, context) {
      const { gateway, clientId } = context
      const [order] = await gateway.store.orders.byIds(clientId, [id])
      const payment = order?.payment ?? (await gateway.store.renewals.get(clientId, id))?.payment
      if (!payment) throw badInput('id: there is no such order or renewal')
      const paid = await pay(sandboxOf(context).wallet, payment, way)
      // Nobody who plays here should have to wait for the next reading.
      if (order) await gateway.store.orders.makeDue(order.id, gateway.clock.now())
      return { ...paid, order: order ?? null }
    },
  }),
  sandboxSetFaults: t.field({
    type: SandboxLspType,
    description: 'Have exactly these things go wrong at a simulated LSP from now on.',
    args: { lspId: t.arg.id({ required: true }), faults: t.arg({ type: [SandboxFaultEnum], required: true }) },
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
  { bolt11, onchain }: Payment,
  way: 'BOLT11' | 'ONCHAIN',
): Promise<Omit<SandboxPayment, 'order'>> {
  try {
    if (way === 'BOLT11' && bolt11) return { state: (await wallet.payInvoice(bolt11.invoice)).state, txid: null }
    if (way === 'ONCHAIN' && onchain)
      return { state: 'PENDING', txid: (await wallet.payOnchain(onchain.address, onchain.orderTotalSat)).txid }
  } catch (error) {
    throw error instanceof PaymentError ? badInput(`not paid: ${error.message}`) : error
  }
  throw badInput(`way: ${way} is not offered`)
}

/** The schema of a gateway that runs in sandbox mode. */
export const sandboxSchema = builder.toSchema()
