//! Open and save dialogs, off the UI thread, one at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::Builder;

use eframe::egui::{ColorImage, Context, ViewportId};

use crate::jobs::Exhibit;
use crate::study::cell::CellReport;
use crate::study::label::exchange::{ExportFormat, Imported};
use crate::study::similarity::Similarity;
use crate::study::sweep::SweepReport;

/// What a dialog was for and what the user chose.
pub enum Asked {
    /// Pictures, IDX files or folders to add.
    Pictures(Vec<PathBuf>),
    /// A checkpoint.
    Network(PathBuf),
    /// A folder for converted checkpoints.
    CacheFolder(PathBuf),
    /// A labelled data set.
    Labelled(PathBuf),
    /// Pictures to be labelled.
    LabelData(PathBuf),
    /// Where to write labels.
    LabelExport(PathBuf),
    /// Labels to be taken.
    LabelImport(PathBuf),
    /// Labels that were read from a file.
    LabelsRead(PathBuf, Imported),
    /// Where to write the head of a session of labels.
    LabelHead(PathBuf),
    /// Where the labelled data set in use is now.
    Moved(PathBuf),
    /// A head file.
    HeadFile(PathBuf),
    /// A table with a split.
    Split(PathBuf),
    /// Where to write the split in use.
    SplitFile(PathBuf),
    /// A folder for tables and figure of a sweep.
    SweepFolder(Arc<SweepReport>, PathBuf),
    /// A folder for tables and figures of similarities.
    SimilarityFolder(Arc<Similarity>, PathBuf),
    /// A checkpoint to compare with.
    OtherNetwork(PathBuf),
    /// A folder for tables and figure of a cell.
    CellFolder(Arc<CellReport>, PathBuf),
    /// Where to write a copy of a head.
    HeadCopy {
        /// The head.
        head: PathBuf,
        /// The file.
        path: PathBuf,
    },
    /// Where to write a view, and whether with its settings.
    Export {
        /// What was on screen when asked.
        exhibit: Box<dyn Exhibit>,
        /// The file.
        path: PathBuf,
        /// With title, colour bar and settings.
        captioned: bool,
        /// The dialog has asked whether to replace the file.
        replace: bool,
    },
    /// A view, drawn, for the clipboard.
    Copied(ColorImage),
}

/// Which dialog to open.
pub enum Ask {
    /// For picture files.
    Pictures,
    /// For a folder of pictures.
    Folder,
    /// For a checkpoint.
    Network,
    /// For a folder for converted checkpoints.
    CacheFolder,
    /// For a folder of labelled pictures.
    LabelledFolder,
    /// For a file of labelled pictures.
    LabelledFile,
    /// For a folder of pictures to be labelled.
    LabelFolder,
    /// For a file of them.
    LabelFile,
    /// For a file or folder that labels are written to.
    LabelExport(ExportFormat),
    /// For a file of labels.
    LabelImport,
    /// For the file of a session's head.
    LabelHead,
    /// For the folder where the data set in use is now.
    MovedFolder,
    /// For a head file.
    HeadFile,
    /// For a table with a split.
    Split,
    /// For the file of the split in use.
    SplitFile,
    /// For the folder of a sweep.
    SweepFolder(Arc<SweepReport>),
    /// For the folder of similarities.
    SimilarityFolder(Arc<Similarity>),
    /// For a checkpoint to compare with.
    OtherNetwork,
    /// For the folder of a cell.
    CellFolder(Arc<CellReport>),
    /// For a copy of a head.
    HeadCopy {
        /// The head.
        head: PathBuf,
        /// What it is called.
        name: String,
    },
    /// For the file of a view.
    Export {
        /// The view or contact sheet.
        exhibit: Box<dyn Exhibit>,
        /// With title, colour bar and settings.
        captioned: bool,
        /// Raw values instead of a picture.
        raw: bool,
    },
}

/// The dialog that is open, if any.
#[derive(Default)]
pub struct Dialogs {
    open: Option<Receiver<Option<Asked>>>,
}

impl Dialogs {
    /// Opens a dialog unless one is open. False when the system gives no thread for it.
    pub fn ask(&mut self, ctx: &Context, frame: &eframe::Frame, ask: Ask) -> bool {
        if self.open.is_some() {
            return true;
        }
        let future = answer(frame, ask);
        let (sender, receiver) = channel();
        let ctx = ctx.clone();
        let spawned = Builder::new().name("dialog".into()).spawn(move || {
            let answer = pollster::block_on(future);
            // The window may be gone by now.
            if sender.send(answer).is_ok() {
                ctx.request_repaint_of(ViewportId::ROOT);
            }
        });
        match spawned {
            Ok(_) => {
                self.open = Some(receiver);
                true
            }
            Err(error) => {
                log::error!("no thread for a dialog: {error}");
                false
            }
        }
    }

    /// What the user chose, once.
    pub fn take(&mut self) -> Option<Asked> {
        match self.open.as_ref()?.try_recv() {
            Ok(answer) => {
                self.open = None;
                answer
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => None,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => {
                self.open = None;
                None
            }
        }
    }
}

/// Makes the dialog here, on the main thread as macOS demands; the future is awaited elsewhere.
fn answer(frame: &eframe::Frame, ask: Ask) -> impl Future<Output = Option<Asked>> + Send + use<> {
    let dialog = rfd::AsyncFileDialog::new().set_parent(frame);
    type Answer = std::pin::Pin<Box<dyn Future<Output = Option<Asked>> + Send>>;
    let paths = |files: Vec<rfd::FileHandle>| files.iter().map(|file| file.path().to_path_buf()).collect();
    let answer: Answer = match ask {
        Ask::Pictures => {
            let endings = ["png", "jpg", "jpeg", "gif", "webp", "tif", "tiff", "bmp", "ppm", "pgm", "gz"];
            let picked = dialog
                .set_title("Open pictures")
                .add_filter("Pictures and IDX files", &endings)
                .add_filter("All files", &["*"])
                .pick_files();
            Box::pin(async move { picked.await.map(|files| Asked::Pictures(paths(files))) })
        }
        Ask::Folder => {
            let picked = dialog.set_title("Open folder").pick_folders();
            Box::pin(async move { picked.await.map(|files| Asked::Pictures(paths(files))) })
        }
        Ask::CacheFolder => {
            let picked = dialog.set_title("Cache folder").pick_folder();
            Box::pin(async move { picked.await.map(|file| Asked::CacheFolder(file.path().to_path_buf())) })
        }
        Ask::Network => {
            let picked = dialog
                .set_title("Open network")
                .add_filter("Checkpoints", &["pt", "pth", "safetensors"])
                .pick_file();
            Box::pin(async move { picked.await.map(|file| Asked::Network(file.path().to_path_buf())) })
        }
        Ask::OtherNetwork => {
            let dialog = dialog.set_title("Network to compare with");
            let picked = dialog.add_filter("Checkpoints", &["pt", "pth", "safetensors"]).pick_file();
            Box::pin(async move { picked.await.map(|file| Asked::OtherNetwork(file.path().to_path_buf())) })
        }
        Ask::SimilarityFolder(found) => {
            let picked = dialog.set_title("Folder for tables and figures").pick_folder();
            Box::pin(async move {
                picked.await.map(|file| Asked::SimilarityFolder(found, file.path().to_path_buf()))
            })
        }
        Ask::LabelledFolder => {
            let picked = dialog.set_title("Open labelled folder").pick_folder();
            Box::pin(async move { picked.await.map(|file| Asked::Labelled(file.path().to_path_buf())) })
        }
        Ask::LabelFolder => {
            let picked = dialog.set_title("Open folder to label").pick_folder();
            Box::pin(async move { picked.await.map(|file| Asked::LabelData(file.path().to_path_buf())) })
        }
        Ask::LabelFile => {
            let picked = dialog.set_title("Open file to label").pick_file();
            Box::pin(async move { picked.await.map(|file| Asked::LabelData(file.path().to_path_buf())) })
        }
        Ask::LabelExport(format) if format.is_folder() => {
            let picked = dialog.set_title("Folder for labels").pick_folder();
            Box::pin(async move { picked.await.map(|file| Asked::LabelExport(file.path().to_path_buf())) })
        }
        Ask::LabelExport(format) => {
            let name = if format == ExportFormat::Csv { "labels.csv" } else { "labels.json" };
            let picked = dialog.set_title("Export labels").set_file_name(name).save_file();
            Box::pin(async move { picked.await.map(|file| Asked::LabelExport(file.path().to_path_buf())) })
        }
        Ask::LabelImport => {
            let dialog = dialog.set_title("Import labels").add_filter("Labels", &["csv", "tsv", "json"]);
            let picked = dialog.pick_file();
            Box::pin(async move { picked.await.map(|file| Asked::LabelImport(file.path().to_path_buf())) })
        }
        Ask::LabelHead => {
            let picked = dialog.set_title("Save head").set_file_name("labels.safetensors").save_file();
            Box::pin(async move { picked.await.map(|file| Asked::LabelHead(file.path().to_path_buf())) })
        }
        Ask::MovedFolder => {
            let picked = dialog.set_title("Where the pictures are now").pick_folder();
            Box::pin(async move { picked.await.map(|file| Asked::Moved(file.path().to_path_buf())) })
        }
        Ask::LabelledFile => {
            let picked = dialog.set_title("Open labelled file").pick_file();
            Box::pin(async move { picked.await.map(|file| Asked::Labelled(file.path().to_path_buf())) })
        }
        Ask::HeadFile => {
            let dialog = dialog.set_title("Load head").add_filter("Heads", &["safetensors"]);
            let picked = dialog.pick_file();
            Box::pin(async move { picked.await.map(|file| Asked::HeadFile(file.path().to_path_buf())) })
        }
        Ask::Split => {
            let dialog = dialog.set_title("Open split").add_filter("Tables", &["csv", "tsv"]);
            let picked = dialog.pick_file();
            Box::pin(async move { picked.await.map(|file| Asked::Split(file.path().to_path_buf())) })
        }
        Ask::SplitFile => {
            let picked = dialog.set_title("Export split").set_file_name("split.csv").save_file();
            Box::pin(async move { picked.await.map(|file| Asked::SplitFile(file.path().to_path_buf())) })
        }
        Ask::SweepFolder(report) => {
            let picked = dialog.set_title("Folder for tables and figure").pick_folder();
            Box::pin(
                async move { picked.await.map(|file| Asked::SweepFolder(report, file.path().to_path_buf())) },
            )
        }
        Ask::CellFolder(report) => {
            let picked = dialog.set_title("Folder for tables and figure").pick_folder();
            Box::pin(
                async move { picked.await.map(|file| Asked::CellFolder(report, file.path().to_path_buf())) },
            )
        }
        Ask::HeadCopy { head, name } => {
            let name = format!("{name}.safetensors");
            let picked = dialog.set_title("Save head").set_file_name(name).save_file();
            Box::pin(async move {
                picked.await.map(|file| Asked::HeadCopy { head, path: file.path().to_path_buf() })
            })
        }
        Ask::Export { exhibit, captioned, raw } => {
            let kinds = if raw { exhibit.kinds_of_values() } else { Vec::new() };
            let ending = kinds.first().map_or("png", |kind| kind.ending());
            let title = if raw { "Export values" } else { "Export picture" };
            let name = format!("{}.{ending}", exhibit.file_stem());
            let dialog = dialog.set_title(title).set_file_name(name);
            let dialog = if raw {
                kinds.iter().fold(dialog, |dialog, kind| dialog.add_filter(kind.title(), &[kind.ending()]))
            } else {
                dialog.add_filter("PNG picture", &["png"])
            };
            let picked = dialog.save_file();
            Box::pin(async move {
                let chosen = picked.await?.path().to_path_buf();
                // With an ending added it is another file than the dialog asked about.
                let replace = chosen.extension().is_some();
                let path = if replace { chosen } else { chosen.with_extension(ending) };
                Some(Asked::Export { exhibit, path, captioned, replace })
            })
        }
    };
    answer
}
