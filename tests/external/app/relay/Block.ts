import { graphql } from "relay-runtime";

export const blockMutation = graphql`
  mutation BlockMutation($consent: ConsentInput!) {
    giveConsent(consent: $consent) {
      consent {
        id
        permit
      }
      problems {
        code
      }
    }
  }
`;

export const followSubscription = graphql`
  subscription BlockSubscription {
    accessEvents {
      text
    }
  }
`;
