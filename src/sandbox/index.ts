import { anchor } from './channel-request-0.0.1.ts'
import { beacon } from './channel-request-0.0.2.ts'
import type { Fault } from './faults.ts'
import type { LoggedRequest } from './lsp-server.ts'
import { kestrel } from './kaleidoswap.ts'
import { olive } from './lsps1.ts'
import { Network } from './network.ts'
import { LightningNode } from './node.ts'
import type { ObservedExchange, RunningLsp, SandboxLsp, Simulator } from './simulator.ts'
import { SandboxFile } from './state-file.ts'
import { thunder } from './thunderstack.ts'
import { openWallet, type SandboxWallet } from './wallet.ts'
import { systemClock, type Clock, type EpochMs } from '../domain/time.ts'

export { FAULTS } from './faults.ts'
export { PaymentError } from './network.ts'
export type { Fault, LoggedRequest, ObservedExchange, SandboxLsp, SandboxWallet }

export interface SandboxOptions {
  /** How long each step of an order takes (paid, opening, funded, open). @default 1500 */
  stepMs?: number
  /** How long the fault SLOW waits. @default 3000 */
  slowMs?: number
  /** The ids of the LSPs to start. @default all */
  only?: readonly string[]
  /** The file that keeps orders and payments across restarts; absent or null: in memory only. */
  stateFile?: string | null
  clock?: Clock
  /** How long orders can be paid, instead of each protocol's own time. */
  invoiceExpiryMs?: number
  /** Called with each request to a simulated LSP and its answer. */
  observe?: (exchange: ObservedExchange) => void
}

/** Simulated LSPs, each a server of its own on a loopback port, and a client node that can pay them. */
export interface Sandbox extends AsyncDisposable {
  readonly lsps: readonly SandboxLsp[]
  readonly wallet: SandboxWallet
  /** @throws RangeError when there is no LSP with that id. */
  lsp(id: string): SandboxLsp
  /** The time at the simulated LSPs. */
  readonly clock: Clock
  /** Moves that time forward until the sandbox ends. @returns the new time */
  advance(ms: number): EpochMs
  /** Stops all servers, connections and timers. */
  close(): Promise<void>
}

const SIMULATORS: readonly Simulator[] = [olive, kestrel, thunder, anchor, beacon]

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const {
    stepMs = 1_500,
    slowMs = 3_000,
    only,
    stateFile = null,
    clock: realClock = systemClock,
    invoiceExpiryMs = null,
    observe,
  } = options
  let aheadMs = 0
  const clock: Clock = { now: () => realClock.now() + aheadMs }
  const network = new Network(clock)
  const file = new SandboxFile(stateFile)
  const kept = await file.read()
  if (kept) network.restore(kept.network)

  const surroundings = { network, clock, stepMs, slowMs, invoiceExpiryMs, onChange: () => file.changed(), observe }
  const lsps: RunningLsp[] = []
  for (const simulator of chosen(only)) lsps.push(await simulator.start(surroundings, kept?.orders[simulator.id] ?? []))
  file.keep(() => ({
    network: network.state(),
    // An LSP that was left out this time keeps its orders.
    orders: { ...kept?.orders, ...Object.fromEntries(lsps.map((lsp) => [lsp.id, lsp.state()])) },
  }))
  network.onChange(() => file.changed())

  async function close(): Promise<void> {
    await Promise.all(lsps.map((lsp) => lsp.close()))
    await file.close()
  }

  return {
    lsps,
    wallet: openWallet(new LightningNode('wallet', '127.0.0.1:9735'), network, clock),
    lsp(id) {
      const found = lsps.find((lsp) => lsp.id === id)
      if (!found) throw new RangeError(`no simulated LSP ${id}; there are ${lsps.map((lsp) => lsp.id).join(', ')}`)
      return found
    },
    clock,
    advance(ms) {
      aheadMs += ms
      return clock.now()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function chosen(only: readonly string[] | undefined): readonly Simulator[] {
  const unknown = only?.find((id) => !SIMULATORS.some((simulator) => simulator.id === id))
  if (unknown !== undefined)
    throw new RangeError(`no simulated LSP ${unknown}; there are ${SIMULATORS.map(({ id }) => id).join(', ')}`)
  return only === undefined ? SIMULATORS : SIMULATORS.filter(({ id }) => only.includes(id))
}
