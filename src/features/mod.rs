//! Features of pictures: from a picture and a network to maps and vectors, and what is shown of them.

pub mod cache;
pub mod control;
pub mod extract;
pub mod input;
pub mod kept_rows;
pub mod network;
pub mod output;
pub mod pca;
pub mod pooled;
pub mod speed;
pub mod store;
pub mod tap;
pub mod view;

pub use network::Network;
