import { parseArgs } from 'node:util'
import { buyChannel, type Wallet } from './buy-channel.ts'
import { Gateway } from './gateway.ts'
import { findSandboxNode, paySandboxOrder } from './sandbox.ts'

const USAGE = `Buys a Lightning channel through Sluice and follows it until it stands.

  npm start -- --lsp-balance SAT [options]

  --lsp-balance SAT   what the LSP puts on its side: what you can receive
  --url URL           the gateway (default: http://127.0.0.1:4000/graphql)
  --max-fee SAT       pay no more than this for it (default: 1 % of --lsp-balance)
  --blocks N          how long it stays open (default: 12960, about 90 days)
  --lsp ID            ask only this LSP; may be given several times
  --pubkey KEY        your node (default: the sandbox's node)
  --address ADDRESS   where an LSP reaches it, host:port (default: the sandbox's node's)
  --state FILE        where the purchase is written down (default: purchase.json)

The environment variable SLUICE_KEY is the key, if the gateway wants one.
`

class UsageError extends Error {}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) return print(USAGE)
  const lspBalanceSat = wholeNumber('lsp-balance', options['lsp-balance'])
  const gateway = new Gateway(gatewayUrl(options.url), process.env['SLUICE_KEY'], warn)
  const sandboxNode = await findSandboxNode(gateway)
  const clientPubkey = options.pubkey ?? sandboxNode?.pubkey
  if (clientPubkey === undefined)
    throw new UsageError('--pubkey is wanted: this gateway is not a sandbox, which would have a node for you')

  const payOnSandbox: Wallet['pay'] = ({ orderId }) => paySandboxOrder(gateway, orderId)
  // A wallet's back end calls its node here. Nothing has to wait for the payment: the gateway sees it arrive.
  const askForPayment: Wallet['pay'] = async ({ bolt11, amountSat }) => print(`   pay ${amountSat} sat: ${bolt11}`)

  const { state } = await buyChannel(
    {
      request: {
        clientPubkey,
        clientAddress: options.address ?? sandboxNode?.address ?? null,
        lspBalanceSat,
        channelExpiryBlocks: wholeNumber('blocks', options.blocks),
      },
      maxFeeSat:
        options['max-fee'] === undefined ? Math.floor(lspBalanceSat / 100) : wholeNumber('max-fee', options['max-fee']),
      lspIds: options.lsp,
    },
    { gateway, purchaseFile: options.state, pay: sandboxNode ? payOnSandbox : askForPayment, print },
  )
  print(`The end: ${state}. ${options.state} can be removed; while it is there, running this again orders nothing.`)
  if (state !== 'COMPLETED') process.exitCode = 1
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', default: false },
        url: { type: 'string', default: 'http://127.0.0.1:4000/graphql' },
        'lsp-balance': { type: 'string' },
        'max-fee': { type: 'string' },
        blocks: { type: 'string', default: '12960' },
        lsp: { type: 'string', multiple: true },
        pubkey: { type: 'string' },
        address: { type: 'string' },
        state: { type: 'string', default: 'purchase.json' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function wholeNumber(name: string, text: string | undefined): number {
  const value = Number(text)
  if (text === undefined || !/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new UsageError(`--${name} is wanted, as a whole number${text === undefined ? '' : `, not "${text}"`}`)
  return value
}

function gatewayUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new UsageError(`--url: "${text}" is not an http or https URL`)
  return text
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function warn(line: string): void {
  process.stderr.write(`${line}\n`)
}

main().catch((error: Error) => {
  warn(error instanceof UsageError ? `${error.message}\n--help tells the options.` : error.message)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
