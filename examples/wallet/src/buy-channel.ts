import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import {
  CompareDocument,
  CreateOrderDocument,
  PayableDocument,
  type ChannelRequestInput,
  type OfferFragment,
} from './gql/graphql.ts'
import type { Gateway, OrderEvent } from './gateway.ts'

export interface Wish {
  request: ChannelRequestInput
  /** The most that the channel may cost, beside what the wallet gets on its own side of it. */
  maxFeeSat: number
  /** Ask only these LSPs. */
  lspIds?: string[] | undefined
}

export interface Wallet {
  gateway: Gateway
  /** Where the purchase is written down, so that a crash neither orders nor pays twice. */
  purchaseFile: string
  /** Pays a BOLT 11 invoice, or has it paid. It may come twice: to a node, the same payment hash is the same payment. */
  pay: (invoice: { orderId: string; bolt11: string; amountSat: number }) => Promise<void>
  print: (line: string) => void
}

interface Purchase {
  input: { quoteId: string; idempotencyKey: string; maxOrderTotalSat: number }
  /** Not there until the gateway has answered. */
  orderId?: string
  /** The last event that was seen. */
  sequence: number
}

/** Orders the cheapest channel, pays it and follows it to its end; or goes on with the purchase that is written down. */
export async function buyChannel(wish: Wish, wallet: Wallet): Promise<OrderEvent> {
  const purchase = await read(wallet.purchaseFile)
  if (purchase)
    wallet.print(`Going on with ${purchase.orderId ?? 'an order that was not answered'} (${wallet.purchaseFile}).`)
  return follow(purchase?.orderId === undefined ? await order(wish, wallet, purchase) : purchase, wallet)
}

async function order(wish: Wish, wallet: Wallet, unanswered: Purchase | null): Promise<Purchase> {
  const passedOver = new Set<string>()
  for (let purchase = unanswered; ;) {
    purchase ??= draft(await cheapest(wish, wallet, passedOver))
    // Written down before it is sent: the same key again gets the same order, not a second one.
    await write(wallet.purchaseFile, purchase)
    const { createOrder: answer } = await wallet.gateway.ask(CreateOrderDocument, { input: purchase.input })
    // oxlint-disable-next-line no-underscore-dangle -- GraphQL's own name
    switch (answer.__typename) {
      case 'Order':
        purchase.orderId = answer.id
        await write(wallet.purchaseFile, purchase)
        return purchase
      case 'PriceChangedError':
        // Nothing was agreed to. A wallet with a user would ask again.
        passedOver.add(answer.quote.lsp.id)
        purchase = answer.quote.feeTotalSat <= wish.maxFeeSat ? draft(answer.quote) : null
        break
      case 'LspError':
        passedOver.add(answer.lsp.id)
        purchase = null
        break
      case 'QuoteExpiredError':
      case 'QuoteNotFoundError':
        purchase = null
        break
      case 'IdempotencyConflictError':
        throw new Error(`${answer.message}: was ${wallet.purchaseFile} changed?`)
    }
    wallet.print(`Not ordered: ${answer.message}`)
  }
}

/** No more than the quote says may be asked for: an estimate that has grown comes back as a PriceChangedError. */
function draft({ id, orderTotalSat }: OfferFragment): Purchase {
  return { input: { quoteId: id, idempotencyKey: randomUUID(), maxOrderTotalSat: orderTotalSat }, sequence: 0 }
}

async function cheapest(
  { request, maxFeeSat, lspIds }: Wish,
  { gateway, print }: Wallet,
  passedOver: ReadonlySet<string>,
): Promise<OfferFragment> {
  const { quotes, failures } = (await gateway.ask(CompareDocument, { request, lspIds })).quotes
  for (const { lsp, basis, feeTotalSat } of quotes) print(`  ${lsp.id}: ${feeTotalSat} sat, ${basis}`)
  for (const { lsp, code, message } of failures) print(`  ${lsp.id}: ${code}: ${message}`)
  // The gateway has ranked them by what they cost.
  const found = quotes.find(({ lsp, feeTotalSat }) => feeTotalSat <= maxFeeSat && !passedOver.has(lsp.id))
  if (!found) throw new Error(`no LSP sells this channel for ${maxFeeSat} sat or less`)
  print(`Ordering from ${found.lsp.name}: ${found.feeTotalSat} sat for ${found.channelExpiryBlocks} blocks.`)
  return found
}

async function follow(purchase: Purchase, wallet: Wallet): Promise<OrderEvent> {
  const { orderId = '' } = purchase
  // The last event that was seen comes once more: this may have been stopped before it had dealt with it.
  for await (const event of wallet.gateway.follow(orderId, Math.max(purchase.sequence - 1, 0))) {
    await write(wallet.purchaseFile, { ...purchase, sequence: event.sequence })
    const { actor, action, deadline, message } = event.snapshot.nextStep
    wallet.print(`${event.sequence}. ${event.state}: ${event.message}`)
    wallet.print(`   next: ${actor} ${action}${deadline ? ` until ${deadline}` : ''}. ${message}`)
    if (action === 'PAY') await pay(orderId, purchase.input.maxOrderTotalSat, wallet)
    // An LSP that still has something to do after that, such as a refund, is waited for.
    if (['COMPLETED', 'REFUNDED', 'EXPIRED', 'FAILED'].includes(event.state) && actor !== 'LSP') return event
  }
  throw new Error(`nothing more will be known of order ${orderId}`)
}

async function pay(orderId: string, maxSat: number, wallet: Wallet): Promise<void> {
  // An event tells how things were, perhaps long ago. Money moves by how they are now.
  const { order: now } = await wallet.gateway.ask(PayableDocument, { orderId })
  if (now?.nextStep.action !== 'PAY') return
  const { bolt11 } = now.payment
  if (!bolt11) throw new Error('not paid: this example pays over Lightning only, which the LSP does not offer')
  // The gateway has compared the invoice (its amount, network, payee …) with the offer, and hands none out that fails.
  // Each check says what was compared with what, so that a wallet with a decoder at hand can do it again.
  for (const { code, verdict, message } of now.checks)
    if (verdict !== 'PASSED') wallet.print(`   ${verdict} ${code}: ${message}`)
  if (now.checks.some(({ verdict }) => verdict === 'FAILED')) throw new Error('not paid: the offer failed a check')
  if (bolt11.orderTotalSat > maxSat)
    throw new Error(`not paid: ${bolt11.orderTotalSat} sat is more than was agreed to (${maxSat} sat)`)
  await wallet.pay({ orderId, bolt11: bolt11.invoice, amountSat: bolt11.orderTotalSat })
}

async function read(file: string): Promise<Purchase | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Purchase
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`${file} cannot be read`, { cause: error })
  }
}

/** On the disk when it returns, and never half written. */
async function write(file: string, purchase: Purchase): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(purchase, null, 2), { flush: true })
  await rename(`${file}.new`, file)
}
