import { AmountError, btcDecimalOfSat, satOfBtcDecimal, type Sat } from './money.ts'

// BIP 21 payment URIs, with the parameters that BIP 321 adds for Lightning.

interface PaymentUri {
  /** Empty where there is no on-chain payment option, as BIP 321 has it. */
  address: string
  amountSat: Sat | null
}

export function writePaymentUri({
  address,
  amountSat,
  invoice,
  offer,
}: PaymentUri & { invoice: string | null; offer: string | null }): string {
  const parameters = [
    amountSat === null ? null : `amount=${btcDecimalOfSat(amountSat)}`,
    invoice && `lightning=${encodeURIComponent(invoice)}`,
    offer && `lno=${encodeURIComponent(offer)}`,
  ]
  return `bitcoin:${encodeURIComponent(address)}?${parameters.filter((parameter) => parameter !== null).join('&')}`
}

/** null when it is none, or its amount is no number of satoshis. */
export function readPaymentUri(uri: string): PaymentUri | null {
  try {
    const { protocol, pathname, searchParams } = new URL(uri)
    const amount = searchParams.get('amount')
    return protocol === 'bitcoin:'
      ? { address: pathname, amountSat: amount === null ? null : satOfBtcDecimal(amount) }
      : null
  } catch (error) {
    if (error instanceof TypeError || error instanceof AmountError) return null
    throw error
  }
}
