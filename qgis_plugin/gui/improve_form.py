# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked before a bundle is improved."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsMapLayerProxyModel, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgisInterface, QgsFileWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QCoreApplication, QDateTime
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QGroupBox, QLabel, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from .. import settings
from ..core.bundle import read_bundle
from ..core.corrections import Before, Corrections, View
from ..core.layer_files import LayerFileError
from ..tasks.improve import Job, Plan

HERE, SAGEMAKER = 0, 1


class ImproveForm(QWidget):
    """Chooses layers, bundle, place and output.

    Args:
        iface: QGIS's window, whose map may be the checked area.
        parent: The widget it is in.
    """

    def __init__(self, iface: QgisInterface, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self.raster = QgsMapLayerComboBox(objectName="samftImproveRaster")
        self.raster.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.footprints = QgsMapLayerComboBox(objectName="samftImproveFootprints")
        self.footprints.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.area = QgsMapLayerComboBox(objectName="samftImproveArea")
        self.area.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.area.setAllowEmptyLayer(True, self.tr("What the map shows now"))
        self.area.setLayer(None)
        self.bundle = _folder("samftImproveBundle")
        self.epochs = QSpinBox(objectName="samftImproveEpochs")
        self.epochs.setRange(0, 10_000)
        self.epochs.setSpecialValueText(self.tr("half of the first training's"))
        self.place = QComboBox(objectName="samftImprovePlace")
        self.place.addItems([self.tr("On this computer"), self.tr("On Amazon SageMaker, which costs money")])
        self.to, self.role, self.machine = QLineEdit(), QLineEdit(), QLineEdit()
        self.profile, self.region = QLineEdit(), QLineEdit()
        self.job = self._job_group()
        self.out = _folder("samftImproveOut")
        self._lay_out()
        self.place.currentIndexChanged.connect(lambda at: self.job.setVisible(at == SAGEMAKER))
        self.job.setVisible(False)
        self.suggest()

    def tr(self, text: str) -> str:
        """Translate."""
        return QCoreApplication.translate("ImproveForm", text)

    def suggest(self) -> None:
        """Name a new output folder, in that of the bundles or in the user's documents."""
        stamp = QDateTime.currentDateTime().toString("yyyyMMdd-HHmm")
        folder = Path(settings.text(settings.BUNDLES) or Path.home() / "samft")
        self.out.setFilePath(str(folder / f"improved-{stamp}"))

    def plan(self) -> Plan:
        """What the user wants.

        Raises:
            BundleError, ExtentError, LayerFileError, SourceError: Something is missing or wrong; one line for the user.
        """
        raster, footprints = self.raster.currentLayer(), self.footprints.currentLayer()
        if not isinstance(raster, QgsRasterLayer):
            raise LayerFileError(self.tr("expected a raster layer, got none; load the image first"))
        if not isinstance(footprints, QgsVectorLayer):
            raise LayerFileError(self.tr("expected a layer of footprints, got none; segment the image first"))
        for widget, what in ((self.bundle, self.tr("a bundle")), (self.out, self.tr("an output folder"))):
            if not widget.filePath().strip():
                raise LayerFileError(self.tr("expected {}, got none; choose a folder").format(what))
        bundle = read_bundle(self.bundle.filePath().strip())
        corrections = Corrections.of(
            raster,
            footprints,
            self._checked(),
            bundle=bundle,
            context=QgsProject.instance().transformContext(),
        )
        return Plan(
            corrections=corrections,
            bundle=bundle,
            out=Path(self.out.filePath().strip()).absolute(),
            epochs=self.epochs.value() or Before.of(bundle).epochs,
            job=self._job() if self.place.currentIndex() == SAGEMAKER else None,
        )

    def _checked(self) -> QgsVectorLayer | View:
        """The checked area: a layer, or what the map shows."""
        layer = self.area.currentLayer()
        if isinstance(layer, QgsVectorLayer):
            return layer
        canvas = self._iface.mapCanvas()
        return View(canvas.extent(), canvas.mapSettings().destinationCrs())

    def _job(self) -> Job:
        """The job, and remember where it goes.

        Raises:
            LayerFileError: Place or role are missing.
        """
        if not self.to.text().strip().startswith("s3://") or not self.role.text().strip():
            raise LayerFileError(
                self.tr("expected s3://BUCKET/PREFIX and a role, got {} and {}; give both").format(
                    self.to.text().strip() or self.tr("none"), self.role.text().strip() or self.tr("none")
                )
            )
        for name, line in ((settings.S3_PLACE, self.to), (settings.ROLE, self.role)):
            settings.set_text(name, line.text().strip())
        return Job(
            to=self.to.text().strip(),
            role=self.role.text().strip(),
            instance_type=self.machine.text().strip(),
            profile=self.profile.text().strip(),
            region=self.region.text().strip(),
        )

    def _job_group(self) -> QGroupBox:
        group = QGroupBox(self.tr("SageMaker"))
        self.to.setText(settings.text(settings.S3_PLACE))
        self.role.setText(settings.text(settings.ROLE))
        self.to.setPlaceholderText("s3://BUCKET/PREFIX")
        self.role.setPlaceholderText("arn:aws:iam::ACCOUNT:role/NAME")
        self.machine.setPlaceholderText("ml.g5.xlarge")
        for line in (self.profile, self.region):
            line.setPlaceholderText(self.tr("that of the AWS configuration"))
        form = QFormLayout(group)
        form.addRow(self.tr("Place on S3"), self.to)
        form.addRow(self.tr("Role"), self.role)
        form.addRow(self.tr("Type of machine"), self.machine)
        form.addRow(self.tr("Profile"), self.profile)
        form.addRow(self.tr("Region"), self.region)
        return group

    def _lay_out(self) -> None:
        words = QLabel(
            self.tr(
                "Train a better model from what you have corrected. Delete the footprints that are wrong, mend those "
                "that are crooked and draw those that are missing, with QGIS's own tools. Within the checked area the "
                "footprints then count as the buildings, all of them and no others; the rest of the image is ignored."
            )
        )
        words.setWordWrap(True)
        form = QFormLayout()
        form.addRow(self.tr("Image"), self.raster)
        form.addRow(self.tr("Checked footprints"), self.footprints)
        form.addRow(self.tr("Checked area"), self.area)
        form.addRow(self.tr("Bundle to improve"), self.bundle)
        form.addRow(self.tr("Epochs"), self.epochs)
        form.addRow(self.tr("Train"), self.place)
        column = QVBoxLayout(self)
        column.addWidget(words)
        column.addLayout(form)
        column.addWidget(self.job)
        last = QFormLayout()
        last.addRow(self.tr("Output folder"), self.out)
        column.addLayout(last)
        column.addStretch(1)


def _folder(name: str) -> QgsFileWidget:
    """A line for a folder."""
    widget = QgsFileWidget()
    widget.setObjectName(name)
    widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
    return widget
