import { z } from 'zod'
import { builder } from './builder.ts'
import type { Delivery } from '../store/webhooks.ts'
import type { WebhookStatus } from '../webhooks/webhooks.ts'

const WebhookDeliveryStateEnum = builder.enumType('WebhookDeliveryState', {
  values: {
    PENDING: { description: 'It will be tried, or tried again.' },
    GIVEN_UP: { description: 'It failed for too long. retryWebhookDelivery tries it anew.' },
  } as const,
})

const WebhookDeliveryType = builder.objectRef<Delivery>('WebhookDelivery').implement({
  description: 'An event that the webhook has not taken. Those that it has taken are not kept.',
  fields: (t) => ({
    orderId: t.exposeID('orderId'),
    sequence: t.exposeInt('sequence', { description: 'Of the event.' }),
    state: t.expose('state', { type: WebhookDeliveryStateEnum }),
    attempts: t.exposeInt('attempts'),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Not before this, and not before the events of the same order that come first. null: it was given up.',
      resolve: ({ state, nextAttemptAt }) => (state === 'PENDING' ? nextAttemptAt : null),
    }),
    lastError: t.exposeString('lastError', { nullable: true }),
  }),
})

const WebhookStatusType = builder.objectRef<WebhookStatus>('WebhookStatus').implement({
  description:
    "The caller's webhook: each event of its orders is posted there, in the order of the events of each order, at least once.",
  fields: (t) => ({
    host: t.exposeString('host', { description: 'Of its URL; the rest may be a secret.' }),
    pendingCount: t.exposeInt('pending', { description: 'Events that it has yet to take.' }),
    oldestPendingAt: t.expose('oldestPendingAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Since then the oldest of them waits.',
    }),
    givenUpCount: t.exposeInt('givenUp', {
      description: 'Events that it never took, and that are not tried any more.',
    }),
    lastSuccessAt: t.expose('lastSuccessAt', { type: 'DateTime', nullable: true }),
    lastFailureAt: t.expose('lastFailureAt', { type: 'DateTime', nullable: true }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Of the last failure, whatever came after it.',
    }),
    disabledAt: t.expose('disabledAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'It answered 410, and is told nothing more until the gateway starts again, or has it configured otherwise.',
    }),
  }),
})

builder.queryFields((t) => ({
  webhook: t.field({
    type: WebhookStatusType,
    nullable: true,
    description: 'How the webhook of the caller does; null when the operator configured none.',
    resolve: (_, __, { gateway, clientId }) => gateway.webhooks.status(clientId),
  }),
  webhookDeliveries: t.field({
    type: [WebhookDeliveryType],
    description: "The caller's deliveries that are pending, or that were given up; the oldest first.",
    args: {
      state: t.arg({ type: WebhookDeliveryStateEnum, required: true }),
      first: t.arg.int({
        required: true,
        defaultValue: 20,
        validate: z.number().min(1, 'at least 1 is wanted').max(100, 'at most 100'),
      }),
    },
    resolve: (_, { state, first }, { gateway, clientId }) => gateway.webhooks.deliveries(clientId, state, first),
  }),
}))

builder.mutationField('retryWebhookDelivery', (t) =>
  t.field({
    type: WebhookDeliveryType,
    nullable: true,
    description:
      'Try a delivery at once, also one that was given up. null: there is none such; perhaps the webhook has taken it.',
    args: { orderId: t.arg.id({ required: true }), sequence: t.arg.int({ required: true }) },
    resolve: (_, { orderId, sequence }, { gateway, clientId }) => gateway.webhooks.retry(clientId, orderId, sequence),
  }),
)
