import { resolveCursorConnection, type ResolveCursorConnectionArgs } from '@pothos/plugin-relay'
import { z } from 'zod'
import { badInput } from './bad-input.ts'
import { builder } from './builder.ts'
import { OrderStateEnum } from './enums.ts'
import { OrderType } from './order.ts'
import type { Order } from '../domain/order-record.ts'

/**
 * Order ids sort by time, so any text has a place among them: without this check, a text that is not a cursor would return
 * a wrong page.
 * @throws GraphQLError
 */
function cursorOf(name: 'after' | 'before', text: string | null | undefined): string | null {
  // An empty page has empty texts as its ends.
  if (text == null || text === '') return null
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text))
    throw badInput(`${name}: not a cursor. Use a cursor of \`pageInfo\` or of an edge`)
  return text
}

const OrderFilterInput = builder.inputType('OrderFilterInput', {
  description: 'Conditions on orders. An order must meet all of them.',
  fields: (t) => ({
    states: t.field({ type: [OrderStateEnum], description: 'In one of these states. An empty list matches no order.' }),
    lspIds: t.idList({
      description: 'At one of these LSPs. An empty list matches no order.',
      validate: z.array(z.unknown()).max(100).nullish(),
    }),
    clientPubkey: t.field({ type: 'PublicKey', description: 'For this node.' }),
    reference: t.string({
      description: "With this reference, the client's own from createOrder.",
      validate: z.string().max(255, 'at most 255 characters').nullish(),
    }),
    createdAfter: t.field({ type: 'DateTime', description: 'Placed after this time.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Placed before this time.' }),
    leaseEndsBefore: t.field({
      type: 'DateTime',
      description: 'Orders whose channel lease ends before this time. Orders without a channel do not match.',
    }),
  }),
})

builder.queryFields((t) => ({
  order: t.field({
    type: OrderType,
    nullable: true,
    description: 'null: the caller has no order with this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the order.' }) },
    async resolve(_, { id }, { gateway, clientId }) {
      const [order] = await gateway.store.orders.byIds(clientId, [id])
      if (order) await gateway.attention.give(order)
      return order ?? null
    },
  }),
  orders: t.connection(
    {
      type: OrderType,
      description: "The caller's orders, newest first. `first` and `last` are at most 100; the default page is 20.",
      args: { filter: t.arg({ type: OrderFilterInput, description: 'Only orders that meet these conditions.' }) },
      resolve: (_, { filter, ...args }, { gateway, clientId }) =>
        resolveCursorConnection(
          { args, defaultSize: 20, maxSize: 100, toCursor: (order: Order) => order.id },
          ({ before, after, limit, inverted }: ResolveCursorConnectionArgs) =>
            gateway.store.orders.page(
              clientId,
              {
                before: cursorOf('before', before),
                after: cursorOf('after', after),
                inverted,
                states: filter?.states ?? null,
                lspIds: filter?.lspIds ?? null,
                clientPubkey: filter?.clientPubkey ?? null,
                reference: filter?.reference ?? null,
                createdAfter: filter?.createdAfter ?? null,
                createdBefore: filter?.createdBefore ?? null,
                leaseEndsBefore: filter?.leaseEndsBefore ?? null,
              },
              limit,
            ),
        ),
    },
    { name: 'OrderConnection', description: 'A page of orders.' },
    { name: 'OrderEdge', description: 'An order, and its cursor.' },
  ),
}))
