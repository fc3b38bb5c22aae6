// Every order that a test reads over the wire is checked: its next step asks for a payment exactly if there is a payment
// option to use.

interface Advice {
  nextStep: { action: string; message: string }
  payment: { payability?: string; bolt11?: Option; bolt12?: Option; onchain?: Option; bip21?: string | null }
}
type Option = { state: string } | null

const OPTIONS = ['bolt11', 'bolt12', 'onchain'] as const
const DUE = new Set(['EXPECT_PAYMENT', 'UNDERPAID'])

/** @throws Error when an order in the answer asks for a payment without an option, or shows an option without asking. */
export function assertPaymentAdvice(answer: unknown, isSnapshot = false): void {
  if (typeof answer !== 'object' || answer === null) return
  if (!Array.isArray(answer) && isAdvice(answer)) {
    const { nextStep, payment } = answer
    const asks = nextStep.action === 'PAY' || nextStep.action === 'TOP_UP'
    const isPayable = OPTIONS.some((name) => DUE.has(payment[name]?.state ?? '')) || (payment.bip21 ?? null) !== null
    // The next step of a snapshot is as of its event; its payment is shown only as far as it is still payable.
    if (isPayable && !asks) throw new Error(`payable, although the next step is ${JSON.stringify(nextStep)}`)
    const { payability = isPayable ? 'PAYABLE' : '' } = payment
    if (isPayable !== (payability === 'PAYABLE'))
      throw new Error(`payability is ${payability}: ${JSON.stringify(payment)}`)
    if (asks && !isPayable && !isSnapshot)
      throw new Error(`nothing is payable, although the next step is ${JSON.stringify(nextStep)}`)
  }
  const isEvent = 'snapshot' in answer
  for (const value of Object.values(answer)) assertPaymentAdvice(value, isEvent)
}

function isAdvice(value: object): value is Advice {
  const { nextStep, payment } = value as Partial<Advice>
  return (
    typeof nextStep?.action === 'string' &&
    typeof payment === 'object' &&
    payment !== null &&
    OPTIONS.every((name) => payment[name] === null || typeof payment[name]?.state === 'string')
  )
}
