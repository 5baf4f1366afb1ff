import { graphql } from "relay-runtime";

export const timelineQuery = graphql`
  query TimelineQuery($first: Int!, $after: String, $withPatient: Boolean!) {
    me {
      name
    }
    myHealthBook {
      patient @include(if: $withPatient) {
        ...Timeline_patient
      }
      ...Timeline_book
    }
  }
`;

export const patientFragment = graphql`
  fragment Timeline_patient on Patient {
    fullName
    birthDate
  }
`;

export const bookFragment = graphql`
  fragment Timeline_book on HealthBook {
    timeline(first: $first, after: $after) @connection(key: "Timeline_timeline") {
      edges {
        node {
          ...Timeline_record
        }
      }
    }
  }
`;

export const recordFragment = graphql`
  fragment Timeline_record on Record {
    __typename
    id
    time
    provenance {
      facility {
        name
      }
      legalStatus
    }
    ... on Encounter {
      reason
    }
    ... on MedicationRequest {
      code {
        text
      }
      dosage
    }
  }
`;

export const refetchQuery = graphql`
  query TimelineRefetchQuery($id: ID!) {
    node(id: $id) {
      ...Timeline_record @alias(as: "record")
    }
  }
`;
