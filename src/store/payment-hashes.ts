import type { Db } from './database.ts'

/** Whom each payment hash was first asked to be paid for. */
export class PaymentHashStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  /**
   * Makes it that of a placement or a renewal, unless it is another's.
   * @returns whose it is.
   */
  async claim(paymentHash: string, holder: string): Promise<string> {
    await this.#db
      .insertInto('payment_hashes')
      .values({ payment_hash: paymentHash, holder })
      .onConflict((conflict) => conflict.column('payment_hash').doNothing())
      .execute()
    const first = await this.#db.selectFrom('payment_hashes').select('holder').where('payment_hash', '=', paymentHash).executeTakeFirstOrThrow()
    return first.holder
  }
}
